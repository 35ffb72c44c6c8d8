package leat.spark;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import leat.jvm.DriverConnection;
import leat.jvm.FailedException;
import leat.jvm.Job;
import leat.jvm.WorkerErrorException;
import org.apache.spark.ShuffleDependency;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.ShuffledRDD;
import scala.Option;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * A job as one of Spark's: an RDD for each stage that has tasks, a shuffle between them, and one
 * action on the last. Its results come in as its tasks end, and go to Leat in the tasks' order.
 */
final class SparkJob {
  private static final int INLINE = 1 << 20; // bytes of rows that come along with a task's result
  private static final int INLINE_ALL = 256 << 20;
  private static final int RUNS = 3;
  private static final int SETTLE_SECONDS = 10;
  private static final int POLL_MILLIS = 50;
  private static final ClassTag<Integer> INTEGER = ClassTag$.MODULE$.apply(Integer.class);
  private static final ClassTag<Piece> PIECE = ClassTag$.MODULE$.apply(Piece.class);
  private static final ClassTag<StageResult> RESULT = ClassTag$.MODULE$.apply(StageResult.class);

  private record Finished(int task, StageResult result) {}

  private final JavaSparkContext spark;
  private final Job job;
  private final String program;
  private final String group;
  private final long blocks;
  private final RDD<?> origin;
  private final Attempts attempts;
  private final DriverConnection leat;
  private final Exchange[] exchanges;
  private StageRdd last;
  private int streamed; // tasks of the last stage whose rows were given

  /**
   * @param number of the job in this driver's life
   * @param origin any RDD of the context
   */
  SparkJob(
      JavaSparkContext spark,
      Job job,
      long number,
      String program,
      RDD<?> origin,
      Attempts attempts,
      DriverConnection leat) {
    this.spark = spark;
    this.job = job;
    this.program = program;
    this.group = "leat-" + number;
    this.blocks = (1L << 40) + number; // no broadcast of Spark's own has such a number
    this.origin = origin;
    this.attempts = attempts;
    this.leat = leat;
    this.exchanges = new Exchange[job.stages.size()];
  }

  void run(List<List<Broadcast<byte[][]>>> given) throws Exception {
    attempts.begin(group, leat);
    try {
      build(given);
      for (int run = 1; streamed < job.last().tasks; run++) {
        runOnce(run == RUNS);
      }
    } finally {
      attempts.settle(SETTLE_SECONDS);
      attempts.end();
      clean();
    }
  }

  private void build(List<List<Broadcast<byte[][]>>> given) {
    List<Exchange> parents = new ArrayList<>();
    for (Job.Stage stage : job.stages) {
      if (stage.given) {
        exchanges[stage.number] = new Exchange(stage.number, toArray(given.get(stage.number)));
        continue;
      }
      boolean isLast = stage == job.last();
      boolean apart = !isLast && isReadApart(stage.number);
      Exchange[] inputs =
          stage.inputs.stream().map(input -> exchanges[input.stage()]).toArray(Exchange[]::new);
      // The last stage waits for all, as it collects what they told.
      Set<Exchange> waits = new HashSet<>(List.of(inputs));
      if (isLast) {
        waits.addAll(parents);
      }
      spark.setCallSite(Attempts.stageName(job.name, stage.number));
      StageRdd rdd = new StageRdd(origin, program, stage, apart, inputs, List.copyOf(waits));
      if (isLast) {
        last = rdd;
      } else {
        int partitions = apart ? stage.partitions : 1;
        exchanges[stage.number] =
            new Exchange(stage.number, stage.tasks, partitions, shuffle(rdd, partitions + 1));
        parents.add(exchanges[stage.number]);
      }
    }
  }

  private boolean isReadApart(int stage) {
    return job.stages.stream()
        .flatMap(reader -> reader.inputs.stream())
        .anyMatch(input -> input.stage() == stage && input.mode() == Job.Mode.OWN);
  }

  @SuppressWarnings("unchecked")
  private static Broadcast<byte[][]>[] toArray(List<Broadcast<byte[][]>> chunks) {
    return chunks.toArray(new Broadcast[0]);
  }

  /* Spark's own RDD of a shuffle makes the dependency; its constructor differs between versions. */
  @SuppressWarnings("unchecked")
  private static ShuffleDependency<Integer, Piece, Piece> shuffle(StageRdd rdd, int partitions) {
    ShuffledRDD<Integer, Piece, Piece> shuffled =
        new ShuffledRDD<Integer, Piece, Piece>(
                rdd, new ByPartition(partitions), INTEGER, PIECE, PIECE)
            .setSerializer(new PieceSerializer());
    try {
      // The type that is returned differs between versions of Scala.
      Object all = ShuffledRDD.class.getMethod("dependencies").invoke(shuffled);
      return (ShuffleDependency<Integer, Piece, Piece>) ((scala.collection.Seq<?>) all).head();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this Spark does not fit", e);
    }
  }

  /* One action. Ends early, without failing, when rows that were made are gone again. */
  private void runOnce(boolean isFinal) throws Exception {
    LinkedBlockingQueue<Object> arriving =
        new LinkedBlockingQueue<>(); // Finished, then how it ended
    Thread action = new Thread(() -> arriving.add(act(arriving)), "leat-job");
    action.setDaemon(true);
    action.start();
    StageResult[] waiting = new StageResult[job.last().tasks];
    boolean gone = false;
    for (; ; ) {
      Object next = arriving.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
      if (job.isCancelled()) {
        spark.cancelJobGroup(group); // again and again: it may not have begun yet
      }
      if (next instanceof Finished finished) {
        waiting[finished.task()] = finished.result();
        while (!gone && streamed < waiting.length && waiting[streamed] != null) {
          gone = !stream(waiting[streamed]);
          waiting[streamed] = null;
          streamed += gone ? 0 : 1;
        }
      } else if (next instanceof Throwable failure) {
        throw explain(failure);
      } else if (next != null) {
        break;
      }
    }
    if (gone && isFinal) {
      throw new FailedException(
          FailedException.Kind.NO_CLUSTER,
          "rows of the result were lost with their executor, " + RUNS + " times",
          "see Spark's log for why executors end");
    }
  }

  /* Runs in a thread of its own: the action blocks until all is there. */
  private Object act(LinkedBlockingQueue<Object> arriving) {
    try {
      spark.setJobGroup(group, job.name, false);
      spark.setCallSite(Attempts.stageName(job.name, job.last().number));
      List<Exchange> shuffles = new ArrayList<>();
      for (Exchange exchange : exchanges) {
        if (exchange != null && exchange.shuffle != null) {
          shuffles.add(exchange);
        }
      }
      FinishTask finish =
          new FinishTask(
              blocks,
              Math.min(INLINE, INLINE_ALL / job.last().tasks),
              shuffles.toArray(new Exchange[0]));
      spark
          .sc()
          .runJob(
              last,
              finish,
              new AbstractFunction2<Object, StageResult, BoxedUnit>() {
                @Override
                public BoxedUnit apply(Object task, StageResult result) {
                  arriving.add(new Finished((Integer) task, result));
                  return BoxedUnit.UNIT;
                }
              },
              RESULT);
      return true;
    } catch (Throwable e) {
      return e;
    }
  }

  /* False, and nothing was given: its rows are gone. */
  private boolean stream(StageResult result) throws IOException {
    Option<byte[][]> block = result.blocks() > 0 ? fetch(result, 0) : null;
    if (block != null && block.isEmpty()) {
      return false;
    }
    give(result.rows());
    for (int number = 0; number < result.blocks(); number++) {
      if (number > 0) {
        block = fetch(result, number);
      }
      if (block.isEmpty()) {
        throw new IOException("rows of the result were lost with their executor");
      }
      give(block.get());
      SparkEnv.get()
          .blockManager()
          .master()
          .removeBlock(FinishTask.block(blocks, result.attempt(), number));
    }
    for (byte[] told : result.told()) {
      attempts.won(Attempt.Told.of(told));
    }
    return true;
  }

  private void give(byte[][] batches) throws IOException {
    for (byte[] rows : batches) {
      leat.rows(ByteBuffer.wrap(rows));
    }
  }

  private Option<byte[][]> fetch(StageResult result, int block) {
    return SparkEnv.get()
        .blockManager()
        .getSingle(FinishTask.block(blocks, result.attempt(), block), FinishTask.BATCHES);
  }

  private Exception explain(Throwable failure) throws InterruptedException {
    WorkerErrorException error = Attempt.queryError(failure);
    if (error != null) {
      return error;
    }
    attempts.settle(SETTLE_SECONDS);
    FailedException.Kind kind =
        switch (attempts.death()) {
          case WORKER -> FailedException.Kind.WORKER_DIED;
          case DOES_NOT_FIT -> FailedException.Kind.DOES_NOT_FIT;
          case MEMORY -> FailedException.Kind.MEMORY;
          case EXECUTOR -> FailedException.Kind.NO_CLUSTER;
          case NONE, OTHER -> FailedException.Kind.HOST;
        };
    String hint =
        switch (attempts.death()) {
          case WORKER -> "the executors' standard error has the worker's messages";
          case DOES_NOT_FIT -> "pack the worker for the machines of the cluster";
          case MEMORY -> "raise spark.executor.memoryOverhead, in which workers run";
          case EXECUTOR -> "see Spark's log for why executors end";
          case NONE, OTHER -> "see Spark's log above";
        };
    String how = attempts.death() == Attempts.Death.NONE ? failure.toString() : attempts.how();
    return new FailedException(kind, how, hint, failure);
  }

  /* Rows between stages are wanted no more. */
  private void clean() {
    if (last == null) {
      return;
    }
    try {
      last.cleanShuffleDependencies(false);
      for (Exchange exchange : exchanges) {
        if (exchange != null && exchange.given != null) {
          for (Broadcast<byte[][]> chunk : exchange.given) {
            chunk.destroy();
          }
        }
      }
      SparkEnv.get().blockManager().master().removeBroadcast(blocks, true, false);
    } catch (RuntimeException e) {
      System.err.println("leat: rows between stages were not removed: " + e);
    }
  }
}
