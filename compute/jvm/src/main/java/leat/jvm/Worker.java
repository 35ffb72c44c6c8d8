package leat.jvm;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;

/**
 * A worker process, `FILE worker`, which takes one task after the other:
 *
 * <pre>
 *   try (Worker worker = Worker.start(program, version)) {
 *     worker.begin(fragment, attempt, inputs);
 *     while (worker.next()) {
 *       keep(worker.partition(), worker.rows());
 *     }
 *     byte[] told = worker.told();
 *   }
 * </pre>
 *
 * <p>The thread that calls next() reads what the worker says. Inputs that it wants are written by a
 * thread of the worker's own, as pipes are small: a worker that writes output while its input is
 * being written would wait for ever otherwise. {@link #close} may be called by any thread and kills
 * the process; a thread that waits in next() gets a CancellationException then. That is how a task
 * is cancelled: a blocked read of a pipe notices nothing else.
 */
public final class Worker implements Closeable {
  private static final long DRAIN_SECONDS = 10;

  private final Process process;
  private final FrameReader reader;
  private final FrameWriter writer;
  private ByteArrayOutputStream told = new ByteArrayOutputStream();
  private Feeder feeder;
  private Inputs inputs;
  private boolean running;
  private int partition;
  private long rowsRead;
  private long bytesRead;
  private volatile boolean closed;

  private Worker(Process process) {
    this.process = process;
    this.reader = new FrameReader(new BufferedInputStream(process.getInputStream(), 1 << 16));
    this.writer = new FrameWriter(process.getOutputStream());
  }

  /**
   * Starts a worker and greets it. Its standard error is this process's.
   *
   * @param program the packed worker
   * @param version of the program that greets, for messages
   */
  public static Worker start(String program, String version) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(program, "worker");
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    Worker worker;
    try {
      worker = new Worker(builder.start());
    } catch (IOException e) {
      throw new VersionException("the worker cannot be started: " + e.getMessage());
    }
    try {
      worker.writer.hello(version);
      worker.reader.hello();
      return worker;
    } catch (VersionException e) {
      worker.close();
      throw e;
    } catch (IOException e) {
      IOException died = worker.died(e);
      if (died instanceof WorkerDiedException d && (d.exitCode() == 126 || d.exitCode() == 127)) {
        throw new VersionException("the worker cannot run on this machine: it " + d.how());
      }
      throw died;
    }
  }

  /**
   * Gives the worker a task. The first four bytes of the fragment are replaced by the attempt's
   * number.
   */
  public void begin(byte[] fragment, int attempt, Inputs from) throws IOException {
    if (running) {
      throw new IllegalStateException("the worker has a task");
    }
    if (fragment.length < 4) {
      throw new ProtocolException("a fragment of " + fragment.length + " bytes");
    }
    told = new ByteArrayOutputStream();
    inputs = from;
    rowsRead = bytesRead = 0;
    running = true;
    try {
      writer.write(Frame.FRAGMENT, ByteBuffer.wrap(fragment, 4, fragment.length - 4), attempt);
    } catch (IOException e) {
      throw died(e);
    }
  }

  /**
   * Waits for the next rows that the worker puts out; false when the task is done.
   *
   * @throws WorkerErrorException the query has an error; the worker can take another task
   * @throws WorkerDiedException this worker is gone
   * @throws InputException this worker is gone because an input could not be read
   */
  public boolean next() throws IOException, WorkerErrorException {
    while (running) {
      try {
        if (!reader.next()) {
          throw new EOFException("its output ended");
        }
        switch (reader.kind()) {
          case Frame.OUTPUT -> {
            partition = reader.u32();
            return true;
          }
          case Frame.WANT -> feed(reader.u32());
          case Frame.RECEIPT, Frame.BAD_ROW -> told.writeBytes(reader.whole());
          case Frame.PROGRESS -> {
            told.writeBytes(reader.whole());
            rowsRead += reader.u64();
            bytesRead += reader.u64();
          }
          case Frame.DONE, Frame.ERROR -> end();
          default -> throw new ProtocolException("a frame of kind " + reader.kind());
        }
      } catch (InputException e) {
        throw e;
      } catch (IOException e) {
        throw died(e);
      }
    }
    if (reader.kind() == Frame.ERROR) {
      throw new WorkerErrorException(reader.whole());
    }
    return false;
  }

  /** Of the rows that next() found. */
  public int partition() {
    return partition;
  }

  /** The batch that next() found, as a view that is good until the next call. */
  public ByteBuffer rows() {
    return reader.body();
  }

  /** What it put out makes no sense to the host: kills it. To be thrown, as the attempt is lost. */
  public WorkerDiedException refuse(String what) {
    running = false;
    close();
    return new WorkerDiedException("the worker sent what is no answer: " + what, -1, null);
  }

  /** All told frames of the task so far, as they came. */
  public byte[] told() {
    return told.toByteArray();
  }

  /** How many rows the task has read of its sources so far, for a display. */
  public long rowsRead() {
    return rowsRead;
  }

  public long bytesRead() {
    return bytesRead;
  }

  public long pid() {
    return process.pid();
  }

  /** Between two tasks, and can take another one. */
  public boolean isIdle() {
    return !running && !closed && process.isAlive();
  }

  /** Kills the process, if it still is there, and waits until it is gone. */
  @Override
  public void close() {
    closed = true;
    process.destroyForcibly();
    boolean interrupted = false;
    while (process.isAlive()) {
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    Feeder feeding = feeder;
    if (feeding != null) {
      feeding.unwanted = true;
      feeding.interrupt();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void feed(int input) throws IOException {
    if (feeder != null) {
      if (!feeder.ended) {
        throw new ProtocolException("input " + input + " is wanted while another one is written");
      }
      awaitFeeder();
    }
    feeder = new Feeder(input);
    feeder.start();
  }

  /* The worker ended its task: it reads and forgets what is still written of its input. */
  private void end() throws IOException {
    running = false;
    if (feeder != null) {
      feeder.unwanted = true;
      if (!feeder.ended) {
        feeder.interrupt(); // it may wait for the host's rows
      }
      awaitFeeder();
    }
  }

  private void awaitFeeder() throws IOException {
    try {
      feeder.join(TimeUnit.SECONDS.toMillis(DRAIN_SECONDS));
    } catch (InterruptedException e) {
      close();
      Thread.currentThread().interrupt();
    }
    if (feeder.isAlive()) {
      close(); // whoever gives the input does not let go: this worker is not used again
    } else {
      Throwable failure = feeder.failure;
      feeder = null;
      if (failure != null && running) {
        throw new InputException(failure);
      }
    }
  }

  /* Why the conversation broke off: cancelled, an input that failed, or the worker's own end. */
  private IOException died(IOException cause) {
    boolean cancelled = closed;
    running = false;
    int exitCode = -1;
    try {
      // Its pipe ends a moment before it does.
      if (!(cause instanceof ProtocolException) && process.waitFor(1, TimeUnit.SECONDS)) {
        exitCode = process.exitValue();
      }
    } catch (InterruptedException e) {
      cancelled = true;
      Thread.currentThread().interrupt();
    }
    Feeder feeding = feeder;
    close();
    if (feeding != null && feeding.failure != null && !cancelled) {
      return new InputException(feeding.failure);
    }
    if (cancelled) {
      throw new CancellationException("the worker was killed");
    }
    String how =
        exitCode >= 0
            ? WorkerDiedException.describe(exitCode)
            : "sent what is no answer: " + cause.getMessage();
    return new WorkerDiedException("the worker " + how, exitCode, cause);
  }

  /* Writes one input. */
  private final class Feeder extends Thread {
    private final int input;
    volatile boolean unwanted;
    volatile boolean ended; // INPUT_END is written, or will never be
    volatile Throwable failure;

    Feeder(int input) {
      super("leat-feeder-" + process.pid());
      this.input = input;
      setDaemon(true);
    }

    @Override
    public void run() {
      boolean writing = false;
      try (Inputs.Batches batches = inputs.open(input)) {
        for (ByteBuffer rows = batches.next(); rows != null && !unwanted; rows = batches.next()) {
          writing = true;
          writer.write(Frame.INPUT, rows, input);
          writing = false;
        }
        ended = true;
        if (!unwanted) {
          writing = true;
          writer.write(Frame.INPUT_END, input);
          writing = false;
        }
      } catch (Throwable e) {
        // A pipe that broke is seen by the thread that reads.
        if (!unwanted && !(writing && e instanceof IOException)) {
          failure = e;
          process.destroyForcibly();
        }
        ended = true;
      }
    }
  }
}
