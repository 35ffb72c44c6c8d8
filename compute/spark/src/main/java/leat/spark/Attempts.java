package leat.spark;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import leat.jvm.DriverConnection;
import leat.jvm.VersionException;
import leat.jvm.WorkerDiedException;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.FetchFailed;
import org.apache.spark.Success$;
import org.apache.spark.TaskEndReason;
import org.apache.spark.TaskKilled;
import org.apache.spark.executor.TaskMetrics;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.TaskInfo;

/**
 * Knows of each attempt that Spark began, and how it ended. Spark tells that in a thread of its
 * own, a little later than it happened: {@link #settle} waits for it.
 */
final class Attempts extends SparkListener {
  /** How Spark failed a task, for people and to choose the kind of a failure. */
  enum Death {
    NONE,
    WORKER,
    DOES_NOT_FIT,
    MEMORY,
    EXECUTOR,
    OTHER
  }

  private static final class Known {
    int stage;
    int task;
    boolean ended;
    boolean reported; // won or lost
  }

  private static final class Running {
    String group; // of Spark's job
    DriverConnection leat;
    final Map<Integer, Known> attempts = new HashMap<>();
    final Map<Integer, Integer> stages = new HashMap<>(); // ours by Spark's
    int jobs; // begun and not ended
    Death death = Death.NONE;
    String how = "";
  }

  private Running running;

  /** What a stage is called for Spark; its number can be read from it. */
  static String stageName(String job, int stage) {
    return "stage " + stage + " of " + job;
  }

  private static int stageNumber(String name) {
    String[] words = name.split(" ", 3);
    try {
      return words[0].equals("stage") ? Integer.parseInt(words[1]) : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  synchronized void begin(String group, DriverConnection leat) {
    running = new Running();
    running.group = group;
    running.leat = leat;
  }

  @Override
  public synchronized void onJobStart(SparkListenerJobStart event) {
    if (running != null
        && event.properties() != null
        && running.group.equals(event.properties().getProperty("spark.jobGroup.id"))) {
      running.jobs++;
      notifyAll();
    }
  }

  @Override
  public synchronized void onJobEnd(SparkListenerJobEnd event) {
    if (running != null) {
      running.jobs--;
      notifyAll();
    }
  }

  @Override
  public synchronized void onStageSubmitted(SparkListenerStageSubmitted event) {
    if (running != null) {
      running.stages.put(event.stageInfo().stageId(), stageNumber(event.stageInfo().name()));
    }
  }

  @Override
  public synchronized void onTaskStart(SparkListenerTaskStart event) {
    if (running != null && running.stages.getOrDefault(event.stageId(), -1) >= 0) {
      Known known = new Known();
      known.stage = running.stages.get(event.stageId());
      known.task = event.taskInfo().partitionId();
      running.attempts.putIfAbsent((int) event.taskInfo().taskId(), known);
      if (event.taskInfo().speculative()) {
        note(known, (int) event.taskInfo().taskId(), "a second one, as the first takes long");
      }
    }
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd event) {
    TaskInfo info = event.taskInfo();
    Known known =
        running == null || info == null ? null : running.attempts.get((int) info.taskId());
    if (known == null) {
      return;
    }
    known.ended = true;
    TaskEndReason reason = event.reason();
    if (reason instanceof Success$) {
      progress(event.taskMetrics());
    } else {
      String how = describe(reason);
      // Of a lost executor only its end says that its workers ended; settle() tells it.
      if (!(reason instanceof ExecutorLostFailure)) {
        lost((int) info.taskId(), known);
      }
      if (how != null) {
        note(known, (int) info.taskId(), how);
      }
    }
    notifyAll();
  }

  /* Null: nothing to be told. */
  private String describe(TaskEndReason reason) {
    if (reason instanceof TaskKilled) {
      return null;
    }
    Death death = Death.OTHER;
    String how = reason.toString();
    if (reason instanceof ExceptionFailure failure) {
      how = failure.description();
      if (failure.className().equals(WorkerDiedException.class.getName())) {
        death = Death.WORKER;
      } else if (failure.className().equals(VersionException.class.getName())) {
        death = Death.DOES_NOT_FIT;
      } else if (failure.className().equals("java.io.NotSerializableException")) {
        return null; // the query's error, which is told otherwise
      } else {
        how = failure.className() + ": " + how;
      }
    } else if (reason instanceof ExecutorLostFailure lost) {
      how =
          "its executor was lost: "
              + (lost.reason().isDefined() ? lost.reason().get() : "no reason given");
      death = how.contains("memory limit") || how.contains("OOM") ? Death.MEMORY : Death.EXECUTOR;
    } else if (reason instanceof FetchFailed) {
      how = "rows of an earlier stage are gone with their executor, and are made again";
    }
    running.death = death;
    running.how = how;
    return how;
  }

  private void note(Known known, int attempt, String how) {
    try {
      running.leat.note(
          "task "
              + known.task
              + " of stage "
              + known.stage
              + ", attempt "
              + Integer.toUnsignedString(attempt)
              + ": "
              + how.lines().findFirst().orElse(""));
    } catch (IOException e) {
      // Whoever reads no more is noticed by the thread that reads.
    }
  }

  private void progress(TaskMetrics metrics) {
    if (metrics == null || metrics.inputMetrics().recordsRead() == 0) {
      return;
    }
    try {
      running.leat.progress(
          metrics.inputMetrics().recordsRead(), metrics.inputMetrics().bytesRead());
    } catch (IOException e) {
      // As above.
    }
  }

  private void lost(int attempt, Known known) {
    if (known.reported) {
      return;
    }
    known.reported = true;
    try {
      running.leat.lost(known.stage, known.task, attempt);
    } catch (IOException e) {
      // As above.
    }
  }

  /** This attempt's rows are used, and it will be told. */
  synchronized void won(Attempt.Told told) throws IOException {
    Known known = running.attempts.computeIfAbsent(told.attempt(), a -> new Known());
    if (!known.reported) {
      known.reported = true;
      running.leat.won(told.stage(), told.task(), told.attempt(), told.frames());
    }
  }

  /**
   * Waits until all attempts of the job ended, some seconds at most, and tells those that are lost.
   */
  synchronized void settle(long seconds) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (!isSettled() && System.nanoTime() < end) {
      wait(100);
    }
    running.attempts.forEach(
        (attempt, known) -> {
          if (known.ended) {
            lost(attempt, known);
          }
        });
  }

  private boolean isSettled() {
    return running.jobs <= 0
        && running.attempts.values().stream().allMatch(known -> known.ended || known.reported);
  }

  synchronized void end() {
    running = null;
  }

  synchronized Death death() {
    return running.death;
  }

  synchronized String how() {
    return running.how;
  }
}
