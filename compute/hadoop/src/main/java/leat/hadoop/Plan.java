package leat.hadoop;

import java.util.ArrayList;
import java.util.List;
import leat.jvm.Job;

/**
 * How a job of Leat becomes jobs of MapReduce. Each of them is a round: some stages run in its map
 * tasks, others in its reduce tasks, which read what the former put out through the shuffle. What a
 * later round reads, and what all tasks of a stage read, is stored in the job's folder.
 *
 * <p>A stage runs as late as it can without needing one more round, so that most exchanges are
 * shuffles; one that reads nothing through the shuffle runs in map tasks, since reduce tasks wait
 * for all map tasks.
 */
final class Plan {
  /** A stage, as far as its place in the plan matters. */
  record Stage(int number, int tasks, boolean given, List<Job.Input> inputs) {}

  /** A job of MapReduce. Tasks are numbered through, stage by stage. */
  record Round(List<Stage> maps, List<Stage> reduces) {
    static int tasks(List<Stage> stages) {
      return stages.stream().mapToInt(Stage::tasks).sum();
    }

    /** The number of a stage's first task among those of its kind. */
    static int first(List<Stage> stages, int stage) {
      int first = 0;
      for (Stage other : stages) {
        if (other.number() == stage) {
          return first;
        }
        first += other.tasks();
      }
      throw new IllegalArgumentException("stage " + stage + " is not in this round");
    }

    /** The stage and its task that a task of MapReduce runs. */
    static TaskOfStage at(List<Stage> stages, int task) {
      int left = task;
      for (Stage stage : stages) {
        if (left < stage.tasks()) {
          return new TaskOfStage(stage, left);
        }
        left -= stage.tasks();
      }
      throw new IllegalArgumentException("task " + task + " is not in this round");
    }
  }

  record TaskOfStage(Stage stage, int task) {}

  final List<Stage> stages;
  final List<Round> rounds = new ArrayList<>();
  private final int[] levels; // even: map tasks, odd: reduce tasks of round level / 2; -1: given

  private Plan(List<Stage> stages) {
    this.stages = stages;
    this.levels = new int[stages.size()];
    earliest();
    latest();
    int top = 0;
    for (int level : levels) {
      top = Math.max(top, level);
    }
    for (int level = 0; level <= top; level += 2) {
      rounds.add(new Round(at(level), at(level + 1)));
    }
  }

  static Plan of(Job job) {
    List<Stage> stages = new ArrayList<>();
    for (Job.Stage stage : job.stages) {
      stages.add(new Stage(stage.number, stage.tasks, stage.given, stage.inputs));
    }
    return new Plan(stages);
  }

  /** What {@link #toString} gave. */
  static Plan parse(String text) {
    List<Stage> stages = new ArrayList<>();
    for (String line : text.split(";")) {
      String[] words = line.split(" ");
      List<Job.Input> inputs = new ArrayList<>();
      for (int i = 2; i < words.length; i += 2) {
        inputs.add(new Job.Input(Integer.parseInt(words[i]), Job.Mode.valueOf(words[i + 1])));
      }
      stages.add(
          new Stage(stages.size(), Integer.parseInt(words[0]), words[1].equals("given"), inputs));
    }
    return new Plan(stages);
  }

  /** The stages, for the tasks' configuration. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Stage stage : stages) {
      text.append(text.isEmpty() ? "" : ";").append(stage.tasks());
      text.append(stage.given() ? " given" : " run");
      for (Job.Input input : stage.inputs()) {
        text.append(' ').append(input.stage()).append(' ').append(input.mode());
      }
    }
    return text.toString();
  }

  private void earliest() {
    for (Stage stage : stages) {
      int level = stage.given() ? -1 : 0;
      for (Job.Input input : stage.inputs()) {
        level = Math.max(level, levels[input.stage()] + 1);
      }
      levels[stage.number()] = level;
    }
  }

  private void latest() {
    for (int i = stages.size() - 2; i >= 0; i--) {
      if (stages.get(i).given()) {
        continue;
      }
      int first = Integer.MAX_VALUE;
      for (Stage reader : stages.subList(i + 1, stages.size())) {
        for (Job.Input input : reader.inputs()) {
          if (input.stage() == i) {
            first = Math.min(first, levels[reader.number()]);
          }
        }
      }
      if (first < Integer.MAX_VALUE) {
        levels[i] = first - 1;
      }
      if (levels[i] % 2 == 1 && earliestAllowed(i) < levels[i]) {
        levels[i]--;
      }
    }
    int last = stages.size() - 1;
    if (levels[last] % 2 == 1 && earliestAllowed(last) < levels[last]) {
      levels[last]--;
    }
  }

  private int earliestAllowed(int stage) {
    int level = 0;
    for (Job.Input input : stages.get(stage).inputs()) {
      level = Math.max(level, levels[input.stage()] + 1);
    }
    return level;
  }

  private List<Stage> at(int level) {
    return stages.stream().filter(stage -> levels[stage.number()] == level).toList();
  }

  /** Whether an input of a stage comes through the shuffle. */
  boolean isShuffled(Stage reader, Job.Input input) {
    int level = levels[reader.number()];
    return level % 2 == 1
        && levels[input.stage()] == level - 1
        && (input.mode() != Job.Mode.ALL || reader.tasks() == 1);
  }

  /** Whether what a stage puts out is stored in the job's folder. */
  boolean isStored(Stage stage) {
    if (stage.number() == stages.size() - 1) {
      return true;
    }
    for (Stage reader : stages) {
      for (Job.Input input : reader.inputs()) {
        if (input.stage() == stage.number() && !isShuffled(reader, input)) {
          return true;
        }
      }
    }
    return false;
  }
}
