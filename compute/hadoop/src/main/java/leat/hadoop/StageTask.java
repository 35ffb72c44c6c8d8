package leat.hadoop;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import leat.jvm.Inputs;
import leat.jvm.Job;
import leat.jvm.VersionException;
import leat.jvm.Worker;
import leat.jvm.WorkerDiedException;
import leat.jvm.WorkerErrorException;
import leat.jvm.WorkerPool;
import org.apache.hadoop.mapreduce.TaskAttemptContext;

/**
 * A task of a stage in a task of MapReduce: gives its fragment to a worker and keeps what that
 * says. When Hadoop kills this process the worker's pipes end, and it with them.
 */
final class StageTask implements Closeable {
  /** Where a batch goes besides the job's folder. */
  interface Output {
    void put(int partition, ByteBuffer batch) throws IOException, InterruptedException;
  }

  /** First byte of an error that ends the job. */
  static final byte QUERY_ERROR = 0;

  static final byte DOES_NOT_FIT = 1;
  private static final int PROGRESS_SECONDS = 5;
  // Tasks in one process, as of small jobs in the application master, take turns with one worker.
  private static final WorkerPool WORKERS = new WorkerPool();

  final Settings settings;
  final Plan plan;
  final Plan.Round round;
  final Folder folder;
  final Folder.Attempt attempt;
  final Plan.Stage stage;
  private final TaskAttemptContext context;
  private final ScheduledExecutorService progress = new ScheduledThreadPoolExecutor(1);

  StageTask(TaskAttemptContext context) throws IOException {
    this.context = context;
    settings = new Settings(context.getConfiguration());
    plan = settings.plan();
    round = settings.round();
    folder = settings.folder();
    attempt = Attempts.of(context);
    stage = plan.stages.get(attempt.stage());
  }

  /** Runs it; inputs that are not shuffled are read from the folder. */
  void run(Inputs shuffled, Output output) throws IOException, InterruptedException {
    if (folder.error() != null) {
      throw new IOException("the job has an error already");
    }
    folder.begin(attempt);
    progress.scheduleWithFixedDelay(
        context::progress, PROGRESS_SECONDS, PROGRESS_SECONDS, TimeUnit.SECONDS);
    String program = settings.worker();
    try {
      Worker worker = WORKERS.take(program, Main.VERSION);
      try {
        byte[] fragment = folder.fragment(stage.number(), attempt.task());
        worker.begin(fragment, attempt.number(), input -> open(input, shuffled));
        folder.putTold(attempt, keep(worker, output));
      } finally {
        WORKERS.giveBack(program, worker);
      }
    } catch (WorkerErrorException e) {
      throw ends(QUERY_ERROR, e.frame(), e);
    } catch (WorkerDiedException e) {
      folder.putFailure(attempt, e.getMessage());
      throw e;
    } catch (VersionException e) {
      throw ends(DOES_NOT_FIT, e.getMessage().getBytes(StandardCharsets.UTF_8), e);
    }
  }

  private byte[] keep(Worker worker, Output output)
      throws IOException, InterruptedException, WorkerErrorException {
    boolean stored = plan.isStored(stage);
    try (StoredRows.Writer rows = folder.rowsWriter(folder.attemptPath(attempt))) {
      while (worker.next()) {
        ByteBuffer batch = worker.rows();
        if (stored) {
          rows.append(worker.partition(), batch);
        }
        output.put(worker.partition(), batch);
      }
    }
    return worker.told();
  }

  private Inputs.Batches open(int number, Inputs shuffled) throws Exception {
    if (number < 0 || number >= stage.inputs().size()) {
      throw new IOException("an input " + number + " of " + stage.inputs().size() + " is wanted");
    }
    Job.Input input = stage.inputs().get(number);
    if (!input.reads(attempt.task())) {
      return () -> null;
    }
    if (plan.isShuffled(stage, input)) {
      return shuffled.open(number);
    }
    return folder.rowsReader(
        input.stage(),
        plan.stages.get(input.stage()).tasks(),
        input.mode() == Job.Mode.OWN ? attempt.task() : StoredRows.ALL_PARTITIONS);
  }

  /* Hadoop would try again; the driver sees the error and ends the job. */
  private IOException ends(byte kind, byte[] text, Exception cause) throws IOException {
    folder.putError(attempt, ByteBuffer.allocate(1 + text.length).put(kind).put(text).array());
    return new IOException(cause.getMessage(), cause);
  }

  @Override
  public void close() {
    progress.shutdownNow();
  }
}
