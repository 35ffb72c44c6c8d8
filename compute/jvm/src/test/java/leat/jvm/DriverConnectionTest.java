package leat.jvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DriverConnectionTest {
  /** What a job does stands in the fragment of its first task. */
  private static final class FakeHost implements DriverHost {
    final CountDownLatch cancelled = new CountDownLatch(1);
    volatile boolean stopped;

    @Override
    public Ready start() {
      return new Ready("a fake", 4);
    }

    @Override
    public void run(Job job, DriverConnection leat) throws Exception {
      Job.Stage last = job.last();
      switch (new String(last.fragments[0], 4, last.fragments[0].length - 4, "UTF-8")) {
        case "rows" -> {
          for (byte[] rows : job.stages.get(0).rows) {
            leat.rows(ByteBuffer.wrap(rows));
          }
          leat.won(1, 0, 7, new byte[] {1, 2});
        }
        case "error" -> throw new WorkerErrorException(frame(Frame.ERROR, text("by zero")));
        case "die" ->
            throw new FailedException(FailedException.Kind.WORKER_DIED, "it died", "look");
        case "hang" -> {
          cancelled.await();
          throw new IOException("interrupted");
        }
        default -> throw new IllegalStateException("no such job");
      }
    }

    @Override
    public void cancel(Job job) {
      cancelled.countDown();
    }

    @Override
    public void stop() {
      stopped = true;
    }
  }

  private final FakeHost host = new FakeHost();
  private PipedOutputStream toDriver;
  private FrameWriter writer;
  private FrameReader reader;
  private FutureTask<Integer> served;

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] frame(int kind, byte[] body) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new FrameWriter(out).write(kind, ByteBuffer.wrap(body));
    return out.toByteArray();
  }

  @BeforeEach
  void connect() throws IOException {
    toDriver = new PipedOutputStream();
    PipedOutputStream fromDriver = new PipedOutputStream();
    PipedInputStream in = new PipedInputStream(toDriver, 1 << 16);
    reader = new FrameReader(new PipedInputStream(fromDriver, 1 << 16));
    writer = new FrameWriter(toDriver);
    served = new FutureTask<>(() -> new DriverConnection(in, fromDriver, host, "test").serve());
    Thread thread = new Thread(served);
    thread.setDaemon(true);
    thread.start();
    assertEquals("test", reader.hello());
    writer.hello("leat");
    expect(Frame.READY);
    assertEquals("a fake", reader.string());
    assertEquals(4, reader.u32());
  }

  private void expect(int kind) throws IOException {
    assertTrue(reader.next());
    assertEquals(kind, reader.kind());
  }

  /** A given stage, and one of a task that reads it. */
  private void send(String what) throws IOException {
    byte[] job =
        new FrameWriter.Body()
            .u32(1)
            .string("the job")
            .u32(2)
            .u32(1)
            .u32(1)
            .u8(1)
            .u32(0)
            .u32(1)
            .u32(1)
            .u8(0)
            .u32(1)
            .u32(0)
            .u8(Job.Mode.ALL.ordinal())
            .bytes();
    writer.write(Frame.JOB, ByteBuffer.wrap(job));
    writer.write(Frame.GIVEN, ByteBuffer.wrap(text("first")), 0);
    writer.write(Frame.GIVEN, ByteBuffer.wrap(text("second")), 0);
    writer.write(Frame.TASK, ByteBuffer.wrap(text("????" + what)), 1, 0);
    writer.write(Frame.GO);
  }

  @Test
  void jobsAreServedOneAfterTheOther() throws Exception {
    send("rows");
    expect(Frame.ROWS);
    assertArrayEquals(text("first"), reader.rest());
    expect(Frame.ROWS);
    assertArrayEquals(text("second"), reader.rest());
    expect(Frame.WON);
    assertEquals(1, reader.u32());
    assertEquals(0, reader.u32());
    assertEquals(7, reader.u32());
    assertArrayEquals(new byte[] {1, 2}, reader.rest());
    expect(Frame.DONE);
    send("error");
    expect(Frame.ERROR);
    assertArrayEquals(text("by zero"), reader.rest());
    send("die");
    expect(Frame.FAILED);
    assertEquals(1, reader.u8());
    assertEquals("it died", reader.string());
    assertEquals("look", reader.string());
    send("nonsense");
    expect(Frame.FAILED);
    assertEquals(4, reader.u8());
    toDriver.close();
    assertEquals(0, served.get());
    assertTrue(host.stopped);
  }

  @Test
  void aJobIsCancelledWhileItRuns() throws Exception {
    send("hang");
    writer.write(Frame.CANCEL);
    expect(Frame.FAILED);
    assertEquals(5, reader.u8());
    send("rows");
    expect(Frame.ROWS);
  }

  @Test
  void theEndOfTheInputCancels() throws Exception {
    send("hang");
    toDriver.close();
    assertEquals(0, served.get());
    assertTrue(host.stopped);
  }

  @Test
  void whatIsNoJobEndsTheConversation() throws Exception {
    writer.write(Frame.JOB, ByteBuffer.wrap(text("no job at all")));
    assertEquals(1, served.get());
    assertTrue(host.stopped);
  }
}
