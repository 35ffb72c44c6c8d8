package leat.hadoop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class PlanTest {
  private static List<Integer> numbers(List<Plan.Stage> stages) {
    return stages.stream().map(Plan.Stage::number).toList();
  }

  private static boolean isShuffled(Plan plan, int stage, int input) {
    Plan.Stage reader = plan.stages.get(stage);
    return plan.isShuffled(reader, reader.inputs().get(input));
  }

  @Test
  void aPlanIsReadAsItWasWritten() {
    String text = "4 run;1 given;2 run 0 OWN 1 ALL;1 run 2 FIRST";
    assertEquals(text, Plan.parse(text).toString());
  }

  @Test
  void oneStageIsOneRoundOfMapTasks() {
    Plan plan = Plan.parse("3 run");
    assertEquals(1, plan.rounds.size());
    assertEquals(List.of(0), numbers(plan.rounds.get(0).maps()));
    assertTrue(plan.rounds.get(0).reduces().isEmpty());
    assertTrue(plan.isStored(plan.stages.get(0)));
  }

  @Test
  void aStageThatReadsRunsInReduceTasksOfTheSameRound() {
    Plan plan = Plan.parse("4 run;3 run 0 OWN");
    assertEquals(1, plan.rounds.size());
    assertEquals(List.of(1), numbers(plan.rounds.get(0).reduces()));
    assertTrue(isShuffled(plan, 1, 0));
    assertFalse(plan.isStored(plan.stages.get(0)));
  }

  @Test
  void fourLevelsAreTwoRounds() {
    // Two scans, their join, an aggregation and an order.
    Plan plan = Plan.parse("4 run;4 run;2 run 0 OWN 1 OWN;2 run 2 OWN;1 run 3 ALL");
    assertEquals(2, plan.rounds.size());
    assertEquals(List.of(0, 1), numbers(plan.rounds.get(0).maps()));
    assertEquals(List.of(2), numbers(plan.rounds.get(0).reduces()));
    assertEquals(List.of(3), numbers(plan.rounds.get(1).maps()));
    assertEquals(List.of(4), numbers(plan.rounds.get(1).reduces()));
    assertFalse(isShuffled(plan, 3, 0));
    assertTrue(plan.isStored(plan.stages.get(2)));
    assertTrue(isShuffled(plan, 4, 0), "all of a stage, read by one task");
  }

  @Test
  void aBroadcastIsStored() {
    Plan plan = Plan.parse("1 run;4 run;3 run 0 ALL 1 OWN");
    assertEquals(1, plan.rounds.size());
    assertFalse(isShuffled(plan, 2, 0));
    assertTrue(isShuffled(plan, 2, 1));
    assertTrue(plan.isStored(plan.stages.get(0)));
  }

  @Test
  void aStageRunsAsLateAsItCan() {
    // Stage 0 is read only at the end: in the last round its rows go through the shuffle.
    Plan plan = Plan.parse("2 run;2 run;2 run 1 OWN;2 run 2 OWN;2 run 3 OWN 0 OWN");
    assertEquals(2, plan.rounds.size());
    assertEquals(List.of(1), numbers(plan.rounds.get(0).maps()));
    assertEquals(List.of(0, 3), numbers(plan.rounds.get(1).maps()));
    assertTrue(isShuffled(plan, 4, 1));
  }

  @Test
  void whatReadsNothingDoesNotWaitForMapTasks() {
    // Stage 3 would have its place in reduce tasks of the first round.
    Plan plan = Plan.parse("2 run;2 run 0 OWN;2 run 1 OWN 3 OWN".replace("3 OWN", "0 OWN"));
    assertEquals(2, plan.rounds.size());
    Plan lonely = Plan.parse("2 run;2 run;2 run 0 OWN;1 run 2 OWN 1 OWN");
    assertEquals(2, lonely.rounds.size());
    assertEquals(List.of(0, 1), numbers(lonely.rounds.get(0).maps()));
    assertEquals(List.of(2), numbers(lonely.rounds.get(0).reduces()));
    assertEquals(List.of(3), numbers(lonely.rounds.get(1).maps()));
  }

  @Test
  void givenRowsAreThereBeforeTheFirstRound() {
    Plan plan = Plan.parse("1 given;2 run 0 ALL;1 run 1 ALL");
    assertEquals(1, plan.rounds.size());
    assertEquals(List.of(1), numbers(plan.rounds.get(0).maps()));
    assertEquals(List.of(2), numbers(plan.rounds.get(0).reduces()));
    assertTrue(plan.isStored(plan.stages.get(0)));
  }

  @Test
  void tasksAreNumberedThroughStageByStage() {
    Plan.Round round = Plan.parse("3 run;2 run;1 run 0 ALL 1 ALL").rounds.get(0);
    assertEquals(5, Plan.Round.tasks(round.maps()));
    assertEquals(3, Plan.Round.first(round.maps(), 1));
    assertEquals(0, Plan.Round.at(round.maps(), 2).stage().number());
    assertEquals(1, Plan.Round.at(round.maps(), 4).task());
    assertThrows(IllegalArgumentException.class, () -> Plan.Round.at(round.maps(), 5));
  }
}
