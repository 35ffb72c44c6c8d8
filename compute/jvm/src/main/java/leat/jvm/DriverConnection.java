package leat.jvm;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The driver's side of the conversation with Leat: greets, takes jobs one after the other, gives
 * them to the host, and writes what the host tells. A thread of its own reads, so that CANCEL and
 * the end of the input are seen while a job runs.
 */
public final class DriverConnection {
  private static final long GRACE_MILLIS = 3_000;
  private static final Object END = new Object();

  private final FrameReader reader;
  private final FrameWriter writer;
  private final DriverHost host;
  private final String version;
  private final LinkedBlockingQueue<Object> jobs = new LinkedBlockingQueue<>(); // Job or END
  private volatile Job current;
  private volatile boolean exits; // this process is the driver's alone
  private volatile IOException broken;

  public DriverConnection(InputStream in, OutputStream out, DriverHost host, String version) {
    this.reader = new FrameReader(new BufferedInputStream(in, 1 << 16));
    this.writer = new FrameWriter(out);
    this.host = host;
    this.version = version;
  }

  /**
   * Serves until Leat's end of the conversation. Gives the driver's exit code: 0 after an end, 1
   * when nothing could be begun or the conversation broke.
   */
  public int serve() throws IOException {
    writer.hello(version);
    Thread reading = new Thread(this::read, "leat-reader");
    reading.setDaemon(true);
    DriverHost.Ready ready;
    try {
      reader.hello();
      reading.start();
      ready = host.start();
    } catch (VersionException e) {
      writeFailed(
          new FailedException(
              FailedException.Kind.DOES_NOT_FIT,
              e.getMessage(),
              "use the host's files of this Leat"));
      return 1;
    } catch (Exception e) {
      writeFailed(e);
      host.stop();
      return 1;
    }
    try {
      writer.write(
          Frame.READY,
          ByteBuffer.wrap(new FrameWriter.Body().string(ready.text()).u32(ready.tasks()).bytes()));
      for (Job job = take(); job != null; job = take()) {
        run(job);
      }
    } catch (IOException e) {
      broken = e; // Leat reads no more
    } finally {
      host.stop();
    }
    if (broken != null) {
      System.err.println("leat: " + broken.getMessage());
    }
    return broken == null ? 0 : 1;
  }

  private Job take() {
    try {
      return jobs.take() instanceof Job job ? job : null;
    } catch (InterruptedException e) {
      return null;
    }
  }

  private void run(Job job) throws IOException {
    try {
      if (!job.isCancelled()) {
        host.run(job, this);
      }
      if (job.isCancelled()) {
        writeCancelled();
      } else {
        writer.write(Frame.DONE);
      }
    } catch (WorkerErrorException e) {
      if (job.isCancelled()) {
        writeCancelled();
      } else {
        writer.writeWhole(e.frame());
      }
    } catch (Exception e) {
      if (job.isCancelled()) {
        writeCancelled();
      } else {
        writeFailed(e);
      }
    }
  }

  private void writeCancelled() throws IOException {
    writeFailed(new FailedException(FailedException.Kind.CANCELLED, "the job was cancelled", ""));
  }

  private void writeFailed(Exception e) throws IOException {
    FailedException failed =
        e instanceof FailedException f
            ? f
            : new FailedException(
                FailedException.Kind.HOST, e.toString(), "the host's messages say more", e);
    if (failed.kind() == FailedException.Kind.HOST) {
      e.printStackTrace();
    }
    writer.write(
        Frame.FAILED,
        ByteBuffer.wrap(
            new FrameWriter.Body()
                .u8(failed.kind().number())
                .string(failed.getMessage())
                .string(failed.hint())
                .bytes()));
  }

  /* The thread that reads. */
  private void read() {
    try {
      Job job = null;
      while (reader.next()) {
        job = readFrame(job);
      }
    } catch (IOException e) {
      broken = e;
    } catch (Exception e) {
      broken = new IOException(e);
    }
    Job running = current;
    if (running != null) {
      running.cancel();
      host.cancel(running);
    }
    jobs.add(END);
    onEnd();
  }

  /* A host that hangs does not keep the process: it ends some seconds after the conversation. */
  private void onEnd() {
    try {
      Thread.sleep(GRACE_MILLIS);
    } catch (InterruptedException e) {
      return;
    }
    if (exits) {
      exit(1);
    }
  }

  /* Lets the host's libraries remove their files, but no thread of theirs keep the process. */
  private static void exit(int code) {
    Thread end =
        new Thread(
            () -> {
              try {
                Thread.sleep(GRACE_MILLIS);
              } catch (InterruptedException e) {
                // At once.
              }
              Runtime.getRuntime().halt(code);
            },
            "leat-end");
    end.setDaemon(true);
    end.start();
    System.exit(code);
  }

  private Job readFrame(Job begun) throws Exception {
    Job job = begun;
    if (reader.kind() == Frame.JOB) {
      if (job != null) {
        throw new ProtocolException("a job within a job");
      }
      job = Job.read(reader);
      current = job;
      return job;
    }
    if (reader.kind() == Frame.CANCEL) {
      Job running = current;
      if (running != null) {
        running.cancel();
        host.cancel(running);
      }
      if (job != null) { // not all of it will come
        jobs.add(job);
      }
      return null;
    }
    if (job == null) {
      throw new ProtocolException("a frame of kind " + reader.kind() + " outside of a job");
    }
    switch (reader.kind()) {
      case Frame.TASK -> job.readTask(reader);
      case Frame.GIVEN -> host.given(job, job.readGiven(reader), reader.body());
      case Frame.GO -> {
        job.checkComplete();
        jobs.add(job);
        return null;
      }
      default -> throw new ProtocolException("a frame of kind " + reader.kind() + " in a job");
    }
    return job;
  }

  /**
   * Serves on standard input and output, and ends the process. What else is printed on standard
   * output goes to standard error.
   */
  public static void main(DriverHost host, String version) {
    OutputStream out = System.out;
    System.setOut(System.err);
    int code = 1;
    try {
      DriverConnection connection = new DriverConnection(System.in, out, host, version);
      connection.exits = true;
      code = connection.serve();
    } catch (IOException e) {
      System.err.println("leat: " + e.getMessage());
    }
    System.err.flush();
    exit(code);
  }

  /** An attempt's rows are used; its told frames. */
  public void won(int stage, int task, int attempt, byte[] told) throws IOException {
    writer.write(Frame.WON, ByteBuffer.wrap(told), stage, task, attempt);
  }

  /** An attempt did not win, and its worker certainly runs no more. */
  public void lost(int stage, int task, int attempt) throws IOException {
    writer.write(Frame.LOST, stage, task, attempt);
  }

  /** A batch of the result, with an array. */
  public void rows(ByteBuffer batch) throws IOException {
    writer.write(Frame.ROWS, batch);
  }

  /** A line for the log. */
  public void note(String text) throws IOException {
    writer.write(Frame.NOTE, ByteBuffer.wrap(new FrameWriter.Body().string(text).bytes()));
  }

  /** Rows and bytes read since the last call, for the display. */
  public void progress(long rows, long bytes) throws IOException {
    writer.write(
        Frame.PROGRESS, ByteBuffer.wrap(new FrameWriter.Body().u64(rows).u64(bytes).bytes()));
  }
}
