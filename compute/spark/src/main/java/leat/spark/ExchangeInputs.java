package leat.spark;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.PriorityQueue;
import leat.jvm.Inputs;
import leat.jvm.Job;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskContext$;
import org.apache.spark.shuffle.ShuffleReadMetricsReporter;
import scala.Product2;
import scala.collection.Iterator;

/**
 * What a task reads, in the order of the tasks that gave the rows and of each in the order in which
 * it put them out. Spark's readers give blocks as they come; so there is one for each map output,
 * the next few of them already fetching. Nothing is held but what Spark fetched ahead.
 */
final class ExchangeInputs implements Inputs {
  private static final int AHEAD = 4;

  private final Exchange[] exchanges;
  private final Job.Mode[] modes;
  private final int task;
  private final TaskContext context;
  private final ShuffleReadMetricsReporter metrics;

  ExchangeInputs(Exchange[] exchanges, Job.Mode[] modes, int task, TaskContext context) {
    this.exchanges = exchanges;
    this.modes = modes;
    this.task = task;
    this.context = context;
    this.metrics = context.taskMetrics().createTempShuffleReadMetrics();
  }

  @Override
  public Batches open(int input) throws IOException {
    // A fetch that fails tells the task of this thread, so that its map output is made again.
    TaskContext$.MODULE$.setTaskContext(context);
    if (input < 0 || input >= exchanges.length) {
      throw new IOException(
          "input " + Integer.toUnsignedString(input) + " is wanted, of " + exchanges.length);
    }
    Exchange exchange = exchanges[input];
    boolean own = modes[input] == Job.Mode.OWN;
    int from = own ? task : 0;
    int to = own ? task + 1 : exchange.partitions;
    if (modes[input] == Job.Mode.FIRST && task != 0 || from >= exchange.partitions) {
      return () -> null;
    }
    return exchange.given != null
        ? new GivenBatches(exchange)
        : new ShuffleBatches(exchange, from, to);
  }

  /** Pieces of a range of partitions of some map outputs, as they come. */
  static Iterator<? extends Product2<Integer, Piece>> read(
      Exchange exchange,
      int firstMap,
      int endMap,
      int from,
      int to,
      TaskContext context,
      ShuffleReadMetricsReporter metrics) {
    return SparkEnv.get()
        .shuffleManager()
        .<Integer, Piece>getReader(
            exchange.shuffle.shuffleHandle(), firstMap, endMap, from, to, context, metrics)
        .read();
  }

  private static final class GivenBatches implements Batches {
    private final Exchange exchange;
    private int chunk;
    private int batch;

    GivenBatches(Exchange exchange) {
      this.exchange = exchange;
    }

    @Override
    public ByteBuffer next() {
      while (chunk < exchange.given.length) {
        byte[][] batches = exchange.given[chunk].value();
        if (batch < batches.length) {
          return ByteBuffer.wrap(batches[batch++]);
        }
        chunk++;
        batch = 0;
      }
      return null;
    }
  }

  private final class ShuffleBatches implements Batches {
    private final Exchange exchange;
    private final int from;
    private final int to;
    private final Deque<MapOutput> opened = new ArrayDeque<>();
    private int nextMap;

    ShuffleBatches(Exchange exchange, int from, int to) {
      this.exchange = exchange;
      this.from = from;
      this.to = to;
    }

    @Override
    public ByteBuffer next() throws IOException {
      for (; ; ) {
        while (opened.size() < AHEAD && nextMap < exchange.tasks) {
          opened.add(new MapOutput(exchange, nextMap++, from, to));
        }
        if (opened.isEmpty()) {
          return null;
        }
        Piece piece = opened.peek().next();
        if (piece != null) {
          return ByteBuffer.wrap(piece.bytes());
        }
        opened.remove();
      }
    }
  }

  /** What one task put out for a range of partitions, put together again by sequence. */
  private final class MapOutput {
    private record Head(Piece piece, Iterator<? extends Product2<Integer, Piece>> rest) {}

    private final Exchange exchange;
    private final int map;
    private final Iterator<? extends Product2<Integer, Piece>>[] parts;
    private PriorityQueue<Head> heads; // null: one part
    private int last = -1;

    @SuppressWarnings({"unchecked", "rawtypes"})
    MapOutput(Exchange exchange, int map, int from, int to) {
      this.exchange = exchange;
      this.map = map;
      this.parts = new Iterator[to - from];
      for (int i = 0; i < parts.length; i++) {
        parts[i] = read(exchange, map, map + 1, from + i, from + i + 1, context, metrics);
      }
    }

    Piece next() throws IOException {
      Piece piece = parts.length == 1 ? following(parts[0]) : merged();
      if (piece == null) {
        return null;
      }
      if (piece.sequence() <= last) {
        throw new IOException(
            "the shuffle lost the order: piece "
                + piece.sequence()
                + " after "
                + last
                + " of task "
                + map
                + ", stage "
                + exchange.stage);
      }
      last = piece.sequence();
      return piece;
    }

    private Piece following(Iterator<? extends Product2<Integer, Piece>> part) {
      return part.hasNext() ? part.next()._2() : null;
    }

    private Piece merged() {
      if (heads == null) {
        heads = new PriorityQueue<>(Comparator.comparingInt((Head h) -> h.piece().sequence()));
        for (Iterator<? extends Product2<Integer, Piece>> part : parts) {
          push(part);
        }
      }
      Head head = heads.poll();
      if (head == null) {
        return null;
      }
      push(head.rest());
      return head.piece();
    }

    private void push(Iterator<? extends Product2<Integer, Piece>> part) {
      Piece piece = following(part);
      if (piece != null) {
        heads.add(new Head(piece, part));
      }
    }
  }
}
