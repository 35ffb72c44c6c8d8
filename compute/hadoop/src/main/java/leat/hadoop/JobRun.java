package leat.hadoop;

import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import leat.jvm.DriverConnection;
import leat.jvm.FailedException;
import leat.jvm.Inputs;
import leat.jvm.Job;
import leat.jvm.WorkerErrorException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.NullWritable;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapreduce.JobID;
import org.apache.hadoop.mapreduce.MRJobConfig;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskCompletionEvent;
import org.apache.hadoop.mapreduce.TaskType;
import org.apache.hadoop.yarn.api.records.ApplicationId;
import org.apache.hadoop.yarn.api.records.YarnApplicationState;

/** A job of Leat: its rounds, one after the other, and what became of their attempts. */
final class JobRun implements AutoCloseable {
  private static final long POLL_MILLIS = 100;
  private static final int LOCAL_TRIES = 4;
  private static final int ATTEMPTS_EACH = 100_000;
  private static final long GONE_MILLIS = 20_000;
  private static final Set<YarnApplicationState> ENDED =
      EnumSet.of(
          YarnApplicationState.FINISHED, YarnApplicationState.FAILED, YarnApplicationState.KILLED);

  private final HadoopHost host;
  private final Job job;
  private final DriverConnection leat;
  private final Folder folder;
  private final Path path;
  private final Plan plan;
  private final Set<Folder.Attempt> settled = new HashSet<>(); // told of
  private String failure = ""; // what the last attempt that failed says
  private volatile org.apache.hadoop.mapreduce.Job submitted;

  JobRun(HadoopHost host, Job job, DriverConnection leat, Folder folder, Path path) {
    this.host = host;
    this.job = job;
    this.leat = leat;
    this.folder = folder;
    this.path = path;
    this.plan = Plan.of(job);
  }

  void run() throws Exception {
    folder.create();
    folder.putFragments(job);
    putGiven();
    boolean good = false;
    try {
      for (int round = 0; round < plan.rounds.size() && !job.isCancelled(); round++) {
        runRound(round);
        tellWon(plan.rounds.get(round));
      }
      good = !job.isCancelled();
    } finally {
      if (!good) {
        awaitGone();
      }
      tellLost();
    }
    if (good) {
      giveRows();
    }
  }

  private void putGiven() throws IOException {
    for (Job.Stage stage : job.stages) {
      if (stage.given) {
        try (StoredRows.Writer rows = folder.rowsWriter(folder.donePath(stage.number, 0))) {
          for (byte[] batch : stage.rows) {
            rows.append(0, ByteBuffer.wrap(batch));
          }
        }
      }
    }
  }

  /*
   * Hadoop tries no task again that runs in the application master (a small job, "uber") or in this
   * process: such a round is submitted again, then with containers.
   */
  private void runRound(int number) throws Exception {
    JobConf conf = host.round(path, plan, number, 0);
    boolean small = host.yarn() == null || conf.getBoolean(MRJobConfig.JOB_UBERTASK_ENABLE, false);
    int tries = host.yarn() == null ? LOCAL_TRIES : small ? 2 : 1;
    for (int i = 1; ; i++) {
      try {
        submit(number, conf, (i - 1) * ATTEMPTS_EACH);
        return;
      } catch (FailedException e) {
        if (i == tries || e.kind() == FailedException.Kind.DOES_NOT_FIT) {
          throw e;
        }
        leat.note("round " + (number + 1) + " is submitted again: " + e.getMessage());
        awaitGone();
        conf = host.round(path, plan, number, i * ATTEMPTS_EACH);
        conf.setBoolean(MRJobConfig.JOB_UBERTASK_ENABLE, false);
      }
    }
  }

  private void submit(int number, JobConf conf, int attempts) throws Exception {
    Plan.Round round = plan.rounds.get(number);
    // Reduce tasks that wait for map tasks only take their room.
    conf.setFloat("mapreduce.job.reduce.slowstart.completedmaps", 1.0f);
    org.apache.hadoop.mapreduce.Job hadoop = org.apache.hadoop.mapreduce.Job.getInstance(conf);
    hadoop.setJobName(
        String.format("leat: %s (%d of %d)", job.name, number + 1, plan.rounds.size()));
    hadoop.setInputFormatClass(TaskSplit.Format.class);
    hadoop.setOutputFormatClass(Attempts.class);
    hadoop.setMapperClass(StageMapper.class);
    hadoop.setReducerClass(StageReducer.class);
    hadoop.setMapOutputKeyClass(RowsKey.class);
    hadoop.setMapOutputValueClass(BytesWritable.class);
    hadoop.setOutputKeyClass(NullWritable.class);
    hadoop.setOutputValueClass(NullWritable.class);
    hadoop.setPartitionerClass(RowsKey.ByReduce.class);
    hadoop.setSortComparatorClass(RowsKey.Comparator.class);
    hadoop.setNumReduceTasks(Plan.Round.tasks(round.reduces()));
    if (host.shipped() != null) {
      hadoop.addCacheFile(new URI(host.shipped().toUri() + "#leat-worker"));
    }
    hadoop.submit();
    submitted = hadoop;
    if (job.isCancelled()) {
      kill();
    }
    follow(hadoop, round, attempts);
    submitted = null;
  }

  /* Until it has ended. */
  private void follow(org.apache.hadoop.mapreduce.Job hadoop, Plan.Round round, int attempts)
      throws Exception {
    int events = 0;
    boolean ended;
    do {
      Thread.sleep(POLL_MILLIS);
      ended = job.isCancelled() || hadoop.isComplete();
      events += hear(hadoop, round, attempts, events);
      byte[] error = folder.error();
      if (error != null) {
        kill();
        throw endedBy(error);
      }
    } while (!ended);
    if (!job.isCancelled() && !hadoop.isSuccessful()) {
      throw failed(hadoop);
    }
  }

  /* Attempts that failed are told to people. */
  private int hear(org.apache.hadoop.mapreduce.Job hadoop, Plan.Round round, int attempts, int from)
      throws IOException {
    TaskCompletionEvent[] events;
    try {
      events = hadoop.getTaskCompletionEvents(from, 100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return 0;
    }
    for (TaskCompletionEvent event : events) {
      TaskAttemptID id = event.getTaskAttemptId();
      if (event.getStatus() == TaskCompletionEvent.Status.SUCCEEDED
          || (id.getTaskType() != TaskType.MAP && id.getTaskType() != TaskType.REDUCE)) {
        continue;
      }
      Folder.Attempt attempt = Attempts.of(id, round, attempts);
      String why = diagnostics(hadoop, id);
      if (event.getStatus() == TaskCompletionEvent.Status.FAILED
          || event.getStatus() == TaskCompletionEvent.Status.TIPFAILED) {
        failure = why.isEmpty() ? failure : why;
      }
      leat.note(
          String.format(
              "task %d of stage %d, attempt %d: %s%s",
              attempt.task(),
              attempt.stage(),
              attempt.number(),
              event.getStatus().toString().toLowerCase(java.util.Locale.ROOT),
              why.isEmpty() ? "" : ": " + Diagnosis.firstLine(why)));
    }
    return events.length;
  }

  private static String diagnostics(org.apache.hadoop.mapreduce.Job hadoop, TaskAttemptID id) {
    try {
      String[] lines = hadoop.getTaskDiagnostics(id);
      return lines == null ? "" : String.join("\n", lines);
    } catch (IOException e) {
      return "";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
  }

  private static Exception endedBy(byte[] error) {
    byte[] text = Arrays.copyOfRange(error, Math.min(1, error.length), error.length);
    if (error.length > 0 && error[0] == StageTask.QUERY_ERROR) {
      return new WorkerErrorException(text);
    }
    return new FailedException(
        FailedException.Kind.DOES_NOT_FIT,
        new String(text, StandardCharsets.UTF_8),
        "use the host's files of this Leat");
  }

  private FailedException failed(org.apache.hadoop.mapreduce.Job hadoop)
      throws IOException, InterruptedException {
    String words = failure.isEmpty() ? hadoop.getStatus().getFailureInfo() : failure;
    return Diagnosis.of(words, folder.failure(), hadoop.getTrackingURL());
  }

  private void tellWon(Plan.Round round) throws IOException, FailedException {
    for (var stages : java.util.List.of(round.maps(), round.reduces())) {
      for (Plan.Stage stage : stages) {
        for (int task = 0; task < stage.tasks(); task++) {
          Folder.Told told = folder.told(stage.number(), task);
          if (told == null) {
            throw new FailedException(
                FailedException.Kind.HOST,
                "task " + task + " of stage " + stage.number() + " has won and left nothing",
                "was " + path + " removed?");
          }
          settled.add(new Folder.Attempt(stage.number(), task, told.attempt()));
          leat.won(stage.number(), task, told.attempt(), told.frames());
        }
      }
    }
  }

  private void tellLost() throws IOException {
    for (Folder.Attempt attempt : folder.begun()) {
      if (settled.add(attempt)) {
        leat.lost(attempt.stage(), attempt.task(), attempt.number());
      }
    }
  }

  private void giveRows() throws Exception {
    Plan.Stage last = plan.stages.get(plan.stages.size() - 1);
    try (Inputs.Batches rows =
        folder.rowsReader(last.number(), last.tasks(), StoredRows.ALL_PARTITIONS)) {
      for (ByteBuffer batch = rows.next(); batch != null; batch = rows.next()) {
        leat.rows(batch);
      }
    }
  }

  private static ApplicationId application(JobID id) {
    return ApplicationId.newInstance(Long.parseLong(id.getJtIdentifier()), id.getId());
  }

  /** Ends what runs on the cluster. Any thread may. */
  void kill() {
    org.apache.hadoop.mapreduce.Job hadoop = submitted;
    if (hadoop == null) {
      return;
    }
    try {
      if (host.yarn() != null) {
        host.yarn().killApplication(application(hadoop.getJobID()));
        // What an application master that is killed leaves.
        String staged = hadoop.getConfiguration().get(MRJobConfig.MAPREDUCE_JOB_DIR);
        if (staged != null) {
          Path staging = new Path(staged);
          staging.getFileSystem(hadoop.getConfiguration()).delete(staging, true);
        }
      } else {
        hadoop.killJob();
      }
    } catch (Exception e) {
      System.err.println("leat: the job could not be ended: " + e.getMessage());
    }
  }

  /* Until no task runs any more, as far as the ResourceManager knows. */
  private void awaitGone() throws Exception {
    org.apache.hadoop.mapreduce.Job hadoop = submitted;
    if (hadoop == null) {
      return;
    }
    long until = System.currentTimeMillis() + GONE_MILLIS;
    while (System.currentTimeMillis() < until) {
      boolean gone =
          host.yarn() == null
              ? hadoop.isComplete()
              : ENDED.contains(
                  host.yarn()
                      .getApplicationReport(application(hadoop.getJobID()))
                      .getYarnApplicationState());
      if (gone) {
        return;
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  @Override
  public void close() throws IOException {
    folder.remove();
  }
}
