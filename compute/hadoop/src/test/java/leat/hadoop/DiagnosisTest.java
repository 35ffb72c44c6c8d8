package leat.hadoop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import leat.jvm.FailedException;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
  private static final String TOO_LARGE =
      "[2026-01-01]Container [pid=1,containerID=c] is running 90128384B beyond the 'PHYSICAL'"
          + " memory limit. Current usage: 470 MB of 384 MB physical memory used; Killing"
          + " container.";

  @Test
  void aWorkerThatDied() {
    FailedException failed =
        Diagnosis.of("NA", "the worker was ended by signal 11 (SIGSEGV)", "http://log");
    assertEquals(FailedException.Kind.WORKER_DIED, failed.kind());
    assertEquals("the worker was ended by signal 11 (SIGSEGV)", failed.getMessage());
  }

  @Test
  void aContainerThatWasTooLargeAlsoIfItsWorkerDied() {
    assertEquals(
        FailedException.Kind.MEMORY, Diagnosis.of(TOO_LARGE, "the worker died", "").kind());
  }

  @Test
  void anythingElseIsTheHosts() {
    FailedException failed =
        Diagnosis.of("Error: java.io.IOException: disk gone\n\tat y", null, "http://log");
    assertEquals(FailedException.Kind.HOST, failed.kind());
    assertEquals("disk gone", failed.getMessage());
  }
}
