package leat.spark;

import java.io.IOException;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import leat.jvm.InputException;
import leat.jvm.Inputs;
import leat.jvm.Worker;
import leat.jvm.WorkerErrorException;
import leat.jvm.WorkerPool;
import org.apache.spark.SparkFiles;
import org.apache.spark.TaskContext;
import org.apache.spark.util.TaskCompletionListener;
import scala.Tuple2;

/**
 * An attempt at a task, inside of Spark's task: takes a worker of the executor's pool, gives it the
 * fragment, and its rows one after the other. When Spark's task ends, in whichever way, the worker
 * is back in the pool, or dead: before Spark tells its driver.
 */
final class Attempt implements TaskCompletionListener {
  private static final WorkerPool POOL = new WorkerPool();
  private static final long WATCH_MILLIS = 50;
  private static final Set<Attempt> WATCHED = ConcurrentHashMap.newKeySet();
  private static Thread watch;

  private final TaskContext context;
  private final String program;
  private final int stage;
  private final int task;
  private final int partitions;
  private final boolean apart;
  private volatile Worker worker; // null: none, or given back
  private int sequence;
  private boolean ended;

  Attempt(TaskContext context, String program, int stage, int task, int partitions, boolean apart) {
    this.context = context;
    this.program = SparkFiles.get(program);
    this.stage = stage;
    this.task = task;
    this.partitions = partitions;
    this.apart = apart;
  }

  /** The number of an attempt: Spark's for tasks, which it never gives twice. */
  static int number(TaskContext context) {
    return (int) context.taskAttemptId();
  }

  void begin(byte[] fragment, Inputs inputs) {
    context.addTaskCompletionListener(this);
    try {
      worker = POOL.take(program, Main.VERSION);
      watch(this);
      worker.begin(fragment, number(context), inputs);
    } catch (IOException e) {
      throw sneaky(e);
    }
  }

  /** The next rows and the partition they are for; at the end what was told; then null. */
  Tuple2<Integer, Piece> next() {
    if (ended) {
      return null;
    }
    try {
      if (worker.next()) {
        int partition = worker.partition();
        if (partition < 0 || partition >= partitions) {
          throw worker.refuse(
              "rows of partition "
                  + Integer.toUnsignedString(partition)
                  + ", allowed are 0 to "
                  + (partitions - 1));
        }
        ByteBuffer rows = worker.rows();
        byte[] copy = new byte[rows.remaining()];
        rows.get(copy);
        return new Tuple2<>(apart ? partition : 0, new Piece(sequence++, copy));
      }
    } catch (WorkerErrorException e) {
      release();
      throw sneaky(notTriedAgain(e));
    } catch (InputException e) {
      throw sneaky(e.getCause()); // Spark's own, which Spark knows
    } catch (IOException e) {
      throw sneaky(e);
    }
    ended = true;
    // Spark's screens show it, and the driver is told with the task's end.
    context.taskMetrics().inputMetrics().incRecordsRead(worker.rowsRead());
    context.taskMetrics().inputMetrics().incBytesRead(worker.bytesRead());
    Told told = new Told(stage, task, number(context), worker.told());
    release();
    return new Tuple2<>(apart ? partitions : 1, new Piece(sequence, told.bytes()));
  }

  private synchronized void release() {
    WATCHED.remove(this);
    Worker done = worker;
    worker = null;
    POOL.giveBack(program, done);
  }

  private synchronized void killIfInterrupted() {
    if (worker != null && context.isInterrupted()) {
      WATCHED.remove(this);
      worker.close();
    }
  }

  @Override
  public void onTaskCompletion(TaskContext context) {
    WATCHED.remove(this);
    if (worker != null) {
      worker.close();
    }
  }

  /** Ends workers that wait for another task, and those given back later. */
  static void closePool() {
    POOL.close();
  }

  /* A task that Spark kills is only marked: reading from a pipe notices nothing. */
  private static void watch(Attempt attempt) {
    WATCHED.add(attempt);
    synchronized (Attempt.class) {
      if (watch == null) {
        watch = new Thread(Attempt::watchAll, "leat-watch");
        watch.setDaemon(true);
        watch.start();
      }
    }
  }

  private static void watchAll() {
    for (; ; ) {
      try {
        Thread.sleep(WATCH_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
      for (Attempt attempt : WATCHED) {
        attempt.killIfInterrupted();
      }
    }
  }

  /*
   * Spark tries a failed task again, but for this very exception, with which it ends the job at
   * once: that is what an error of the query needs. The frame travels in the message.
   */
  private static final Pattern FRAME = Pattern.compile("\\[frame ([A-Za-z0-9+/=]+)\\]");

  static NotSerializableException notTriedAgain(WorkerErrorException e) {
    return new NotSerializableException(
        e.getMessage() + " [frame " + Base64.getEncoder().encodeToString(e.frame()) + "]");
  }

  /** The query's error that ended a job, or null if it was another one. */
  static WorkerErrorException queryError(Throwable failure) {
    Matcher found = FRAME.matcher(String.valueOf(failure.getMessage()));
    return found.find()
        ? new WorkerErrorException(Base64.getDecoder().decode(found.group(1)))
        : null;
  }

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException sneaky(Throwable e) throws E {
    throw (E) e;
  }

  /** What an attempt told, and whose it is. */
  record Told(int stage, int task, int attempt, byte[] frames) {
    byte[] bytes() {
      return ByteBuffer.allocate(12 + frames.length)
          .putInt(stage)
          .putInt(task)
          .putInt(attempt)
          .put(frames)
          .array();
    }

    static Told of(byte[] bytes) {
      ByteBuffer in = ByteBuffer.wrap(bytes);
      int stage = in.getInt();
      int task = in.getInt();
      int attempt = in.getInt();
      byte[] frames = new byte[in.remaining()];
      in.get(frames);
      return new Told(stage, task, attempt, frames);
    }
  }
}
