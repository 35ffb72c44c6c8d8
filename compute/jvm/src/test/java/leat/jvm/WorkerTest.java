package leat.jvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class WorkerTest {
  @TempDir static Path folder;
  private Worker worker;

  private static String program(String name) throws IOException {
    Path program = folder.resolve(name);
    if (!Files.exists(program)) {
      try (InputStream source = WorkerTest.class.getResourceAsStream("/fake_worker.py")) {
        Files.copy(source, program);
      }
      assertTrue(program.toFile().setExecutable(true));
    }
    return program.toString();
  }

  @BeforeEach
  void start() throws IOException {
    worker = Worker.start(program("worker"), "test");
  }

  @AfterEach
  void nothingIsLeft() {
    worker.close();
    assertFalse(ProcessHandle.of(worker.pid()).map(ProcessHandle::isAlive).orElse(false));
  }

  private static byte[] fragment(String command) {
    return ("????" + command).getBytes(StandardCharsets.UTF_8);
  }

  /** Input n: count batches of a MiB, each of bytes n. */
  private static Inputs megabytes(int count) {
    return input -> {
      byte[] batch = new byte[1 << 20];
      Arrays.fill(batch, (byte) input);
      int[] given = {0};
      return () -> given[0]++ < count ? ByteBuffer.wrap(batch) : null;
    };
  }

  private List<byte[]> run(String command, int attempt, Inputs inputs) throws Exception {
    List<byte[]> rows = new ArrayList<>();
    worker.begin(fragment(command), attempt, inputs);
    while (worker.next()) {
      assertEquals(1, worker.partition());
      byte[] copy = new byte[worker.rows().remaining()];
      worker.rows().get(copy);
      rows.add(copy);
    }
    return rows;
  }

  private String death(String command) {
    WorkerDiedException died =
        assertThrows(WorkerDiedException.class, () -> run(command, 0, megabytes(1)));
    return died.getMessage();
  }

  @Test
  void rowsGoThroughWhileInputIsWritten() throws Exception {
    List<byte[]> rows = run("echo 0,3", 77, megabytes(20));
    assertEquals(40, rows.size());
    assertEquals(0, rows.get(0)[5]);
    assertEquals(3, rows.get(39)[5]);
    FrameReader told = new FrameReader(new ByteArrayInputStream(worker.told()));
    assertTrue(told.next());
    assertEquals(Frame.RECEIPT, told.kind());
    assertArrayEquals("written by attempt 77".getBytes(StandardCharsets.UTF_8), told.rest());
    assertTrue(told.next());
    assertEquals(Frame.PROGRESS, told.kind());
    assertTrue(told.next());
    assertFalse(told.next());
    assertEquals(7, worker.rowsRead());
    assertEquals(107, worker.bytesRead());
  }

  @Test
  void aWorkerTakesOneTaskAfterTheOther() throws Exception {
    assertEquals(1, run("echo 0", 0, megabytes(1)).size());
    assertEquals(0, run("unread", 1, megabytes(100)).size());
    assertEquals(2, run("echo 0", 2, megabytes(2)).size());
    assertTrue(worker.isIdle());
  }

  @Test
  void anInputThatIsNotReadToItsEndMayBlock() throws Exception {
    Inputs blocked =
        input ->
            () -> {
              Thread.sleep(3_600_000);
              return null;
            };
    assertEquals(0, run("unread", 0, blocked).size());
    assertTrue(worker.isIdle());
  }

  @Test
  void deathsAreDescribed() throws Exception {
    assertEquals("the worker ended with exit code 3", death("exit 3"));
    start();
    assertEquals("the worker was ended by signal 11 (SIGSEGV)", death("signal SIGSEGV"));
    start();
    assertTrue(death("signal SIGKILL").contains("SIGKILL, often because memory ran out"));
    start();
    assertTrue(death("garbage").startsWith("the worker sent what is no answer: a frame of "));
    start();
    assertTrue(death("twice").contains("input 0 is wanted while another one is written"));
  }

  @Test
  void anErrorOfTheQueryIsHandedOn() throws Exception {
    WorkerErrorException error =
        assertThrows(
            WorkerErrorException.class, () -> run("error division by zero", 0, megabytes(0)));
    FrameReader frame = new FrameReader(new ByteArrayInputStream(error.frame()));
    assertTrue(frame.next());
    assertEquals(Frame.ERROR, frame.kind());
    assertEquals("division by zero", new String(frame.rest(), StandardCharsets.UTF_8));
    assertTrue(error.getMessage().contains("division by zero"));
    assertTrue(worker.isIdle());
  }

  @Test
  void anInputThatFailsIsNotTheWorkersFault() {
    IOException gone = new IOException("shuffle is gone");
    Inputs failing =
        input ->
            () -> {
              throw gone;
            };
    InputException e = assertThrows(InputException.class, () -> run("echo 0", 0, failing));
    assertSame(gone, e.getCause());
    assertFalse(worker.isIdle());
  }

  @Test
  void closingEndsATaskThatHangs() throws Exception {
    Worker hanging = worker;
    Thread killer =
        new Thread(
            () -> {
              try {
                Thread.sleep(200);
              } catch (InterruptedException e) {
                return;
              }
              hanging.close();
            });
    killer.start();
    assertThrows(CancellationException.class, () -> run("hang", 0, megabytes(0)));
    killer.join();
  }

  @Test
  void anotherVersionIsRefused() throws IOException {
    String old = program("old_worker");
    VersionException e = assertThrows(VersionException.class, () -> Worker.start(old, "test"));
    assertTrue(e.getMessage().contains("0.1 speaks version 1"));
    assertInstanceOf(
        WorkerDiedException.class,
        assertThrows(IOException.class, () -> Worker.start("/bin/false", "test")));
    Path other = Files.writeString(folder.resolve("other"), "#!/bin/sh\nexit 126\n");
    assertTrue(other.toFile().setExecutable(true));
    e = assertThrows(VersionException.class, () -> Worker.start(other.toString(), "test"));
    assertEquals(
        "the worker cannot run on this machine: it ended with exit code 126", e.getMessage());
    e = assertThrows(VersionException.class, () -> Worker.start("/nowhere", "test"));
    assertTrue(e.getMessage().startsWith("the worker cannot be started: "));
  }

  @Test
  void thePoolKeepsIdleWorkersAlone() throws Exception {
    WorkerPool pool = new WorkerPool();
    String program = program("worker");
    Worker first = pool.take(program, "test");
    pool.giveBack(program, first);
    assertSame(first, pool.take(program, "test"));
    first.begin(fragment("hang"), 0, megabytes(0));
    pool.giveBack(program, first);
    assertFalse(first.isIdle());
    Worker second = pool.take(program, "test");
    assertNotSame(first, second);
    pool.giveBack(program, second);
    pool.close();
    assertFalse(second.isIdle());
  }
}
