package leat.flink;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import leat.jvm.FailedException;
import leat.jvm.Frame;
import leat.jvm.FrameReader;
import leat.jvm.FrameWriter;
import leat.jvm.InputException;
import leat.jvm.Inputs;
import leat.jvm.VersionException;
import leat.jvm.Worker;
import leat.jvm.WorkerDiedException;
import leat.jvm.WorkerErrorException;
import org.apache.flink.runtime.execution.Environment;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * A stage: its subtask is the task of the same number. Rows of other stages come in any order; they
 * are kept, and read in the order of the tasks that gave them when the input has ended and the
 * worker runs.
 *
 * <p>An operator that lives long and saves its worker's state with checkpoints would start it in
 * initializeState, give it rows in processElement, and ask for its state in snapshotState; all else
 * (the link, the child's end) would be as here.
 */
final class StageOperator extends AbstractStreamOperator<Rows>
    implements OneInputStreamOperator<Rows, Rows>, BoundedOneInput {
  private static final long serialVersionUID = 1;
  private static final long PATIENCE_MILLIS = 1000;

  /** The packed worker's name among the files that Flink brings. */
  static final String PROGRAM = "leat-worker";

  private static final int CANNOT_RUN = 126; // a packed worker's exit code on another machine

  private final Plan.Stage stage;
  private final String programSum;
  private final long spoolMemory;
  private final Link.Address driver;

  private transient List<Spool> inputs;

  StageOperator(Plan plan, Plan.Stage stage, Link.Address driver) {
    this.stage = stage;
    this.programSum = plan.programSum();
    this.spoolMemory = plan.spoolMemory();
    this.driver = driver;
  }

  @Override
  public void open() throws Exception {
    super.open();
    Path folder =
        Path.of(getContainingTask().getEnvironment().getTaskManagerInfo().getTmpDirectories()[0]);
    inputs = new ArrayList<>();
    for (int i = 0; i < stage.inputs().size(); i++) {
      inputs.add(new Spool(folder, spoolMemory / stage.inputs().size()));
    }
  }

  @Override
  public void processElement(StreamRecord<Rows> element) throws Exception {
    Rows rows = element.getValue();
    inputs.get(rows.input()).add(rows.task(), rows.batch());
  }

  @Override
  public void endInput() throws Exception {
    int task = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
    Link link;
    try {
      link = Link.open(driver, stage.given() ? Link.GIVEN : Link.TASK, stage.number(), task);
    } catch (IOException e) {
      throw new SuppressRestartsException(e); // without its driver the job has no end
    }
    try (link) {
      if (stage.given()) {
        closeWhenCancelled(link);
        readGiven(link);
      } else {
        Attempt attempt = new Attempt(link, task);
        closeWhenCancelled(attempt);
        attempt.run();
      }
    }
  }

  /* A thread that waits in a pipe or socket notices nothing else. */
  private void closeWhenCancelled(Closeable thing) throws IOException {
    getContainingTask().getCancelables().registerCloseable(thing);
  }

  /*
   * The packed worker unpacks itself beside itself when it first runs. So that this is done once in
   * a TaskManager, it is copied to a folder that lives as long as that does.
   */
  private Path program() throws IOException {
    Environment environment = getContainingTask().getEnvironment();
    Path folder =
        environment
            .getIOManager()
            .getSpillingDirectories()[0]
            .toPath()
            .resolve("leat-" + programSum);
    Path program = folder.resolve(PROGRAM);
    if (!Files.exists(program)) {
      Path cached = getRuntimeContext().getDistributedCache().getFile(PROGRAM).toPath();
      Files.createDirectories(folder);
      Path copy = Files.createTempFile(folder, PROGRAM, null);
      Files.copy(cached, copy, StandardCopyOption.REPLACE_EXISTING);
      if (!copy.toFile().setExecutable(true)) {
        throw new IOException(copy + " cannot be made executable");
      }
      Files.move(copy, program, StandardCopyOption.ATOMIC_MOVE);
    }
    return program;
  }

  private void put(int task, int partition, byte[] batch) {
    output.collect(new StreamRecord<>(new Rows(0, task, partition, batch)));
  }

  private void readGiven(Link link) throws IOException {
    for (FrameReader in = link.next(); in.kind() == Frame.ROWS; in = link.next()) {
      put(0, 0, in.rest());
    }
    if (link.reader().kind() != Link.END) {
      throw new IOException("the driver gave no rows of stage " + stage.number());
    }
  }

  @Override
  public void close() throws Exception {
    if (inputs != null) {
      for (Spool input : inputs) {
        input.close();
      }
    }
    super.close();
  }

  /** The task, once. Closed when Flink cancels it. */
  private final class Attempt implements Closeable {
    private final Link link;
    private final int task;
    private Worker worker;
    private boolean unwanted;
    private Thread listener;
    private volatile boolean kept;

    Attempt(Link link, int task) {
      this.link = link;
      this.task = task;
    }

    void run() throws Exception {
      FrameReader start = link.next();
      if (start.kind() != Link.START) {
        throw new SuppressRestartsException(new IOException("the driver wants no task any more"));
      }
      int number = start.u32();
      listener = new Thread(this::listen, "leat-link");
      listener.setDaemon(true);
      listener.start();
      try {
        runWorker(number);
      } catch (WorkerErrorException e) {
        link.writer().writeWhole(e.frame());
        awaitDriver();
        throw new SuppressRestartsException(new IOException(e.getMessage()));
      } catch (VersionException e) {
        died(FailedException.Kind.DOES_NOT_FIT, e.getMessage());
        throw new SuppressRestartsException(e);
      } catch (WorkerDiedException e) {
        died(FailedException.Kind.WORKER_DIED, e.getMessage());
        throw e;
      } catch (CancellationException | InputException e) {
        tell(Link.GONE, new byte[0], PATIENCE_MILLIS);
        throw e;
      }
    }

    private void runWorker(int number) throws Exception {
      try {
        startWorker();
        worker.begin(stage.fragments()[task], number, this::open);
        while (worker.next()) {
          if (stage.last()) {
            link.writer().write(Frame.ROWS, worker.rows());
          } else {
            ByteBuffer rows = worker.rows();
            byte[] batch = new byte[rows.remaining()];
            rows.get(batch);
            put(task, worker.partition(), batch);
          }
        }
        byte[] told = worker.told();
        worker.close();
        link.writer().write(Frame.WON, ByteBuffer.wrap(told));
        awaitDriver();
      } finally {
        kill();
      }
    }

    @Override
    public void close() {
      kill();
      tell(Link.GONE, new byte[0], 0);
      link.close();
    }

    /* After it no worker of this attempt runs, nor will one. */
    private void kill() {
      Worker running;
      synchronized (this) {
        unwanted = true;
        running = worker;
      }
      if (running != null) {
        running.close();
      }
    }

    private void startWorker() throws IOException {
      String program = program().toString();
      Worker started;
      try {
        started = Worker.start(program, "leat flink");
      } catch (VersionException e) {
        throw e;
      } catch (WorkerDiedException e) {
        if (e.exitCode() == CANNOT_RUN) {
          throw misfit(e);
        }
        throw e;
      } catch (IOException e) {
        throw misfit(e);
      }
      synchronized (this) {
        worker = started;
        if (!unwanted) {
          return;
        }
      }
      kill();
      throw new CancellationException("the task was cancelled");
    }

    private RuntimeException misfit(IOException e) {
      String machine = System.getProperty("os.name") + " " + System.getProperty("os.arch");
      died(
          FailedException.Kind.DOES_NOT_FIT,
          "the packed worker cannot be started on " + machine + ": " + e.getMessage());
      return new SuppressRestartsException(e);
    }

    private Inputs.Batches open(int input) throws IOException {
      if (input < 0 || input >= inputs.size()) {
        throw new IOException("input " + input + " of " + inputs.size() + " is wanted");
      }
      return inputs.get(input).read()::next;
    }

    /* Its own thread: until the driver has all of it, wants it no more, or is gone. */
    private void listen() {
      boolean end = false;
      try {
        end = link.next().kind() == Link.END;
      } catch (IOException e) {
        // As a STOP.
      }
      kept = end;
      kill();
    }

    private void awaitDriver() throws IOException, InterruptedException {
      listener.join();
      if (!kept) {
        throw new IOException("the driver is gone, or wants the task no more");
      }
    }

    private void died(FailedException.Kind kind, String reason) {
      byte[] body = new FrameWriter.Body().u8(kind.number()).string(reason).bytes();
      tell(Link.DIED, body, PATIENCE_MILLIS);
    }

    /* The driver closes the connection when it has heard it. */
    private void tell(int kind, byte[] body, long patience) {
      try {
        link.writer().write(kind, ByteBuffer.wrap(body));
        if (patience > 0) {
          listener.join(patience);
        }
      } catch (IOException e) {
        // It hears the connection's end instead.
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
