package leat.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.NotSerializableException;
import leat.jvm.WorkerErrorException;
import org.junit.jupiter.api.Test;

class AttemptTest {
  @Test
  void anErrorOfTheQueryTravelsInSparksMessage() {
    byte[] frame = {1, 0, 0, 0, 10, -1, 'x', ']'};
    NotSerializableException thrown = Attempt.notTriedAgain(new WorkerErrorException(frame));
    assertEquals(NotSerializableException.class, thrown.getClass()); // none that extends it
    RuntimeException bySpark =
        new RuntimeException("task 3.0 had a not serializable result: " + thrown.getMessage());
    assertArrayEquals(frame, Attempt.queryError(bySpark).frame());
    assertNull(Attempt.queryError(new RuntimeException("lost executor")));
    assertNull(Attempt.queryError(new RuntimeException()));
  }

  @Test
  void whatWasToldIsWhose() {
    Attempt.Told told = Attempt.Told.of(new Attempt.Told(1, 2, -3, new byte[] {4}).bytes());
    assertEquals(1, told.stage());
    assertEquals(2, told.task());
    assertEquals(-3, told.attempt());
    assertArrayEquals(new byte[] {4}, told.frames());
  }
}
