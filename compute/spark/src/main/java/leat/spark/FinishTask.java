package leat.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.storage.BlockId;
import org.apache.spark.storage.BroadcastBlockId;
import org.apache.spark.storage.StorageLevel;
import scala.Product2;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;

/**
 * The end of a task of the last stage. Few rows come along with the task's result; more are put,
 * block by block, into the executor's block store, which goes to disk where memory is scarce, and
 * are fetched by the driver when it is their turn.
 */
final class FinishTask
    extends AbstractFunction2<TaskContext, Iterator<Tuple2<Integer, Piece>>, StageResult>
    implements Serializable {
  private static final long serialVersionUID = 1;
  private static final int BLOCK = 8 << 20;
  static final ClassTag<byte[][]> BATCHES = ClassTag$.MODULE$.apply(byte[][].class);

  private final long blocks;
  private final int inline;
  private final Exchange[] exchanges;

  /**
   * @param blocks names the blocks of this job
   * @param inline how many bytes may come along
   * @param exchanges all shuffles of the job, for what was told
   */
  FinishTask(long blocks, int inline, Exchange[] exchanges) {
    this.blocks = blocks;
    this.inline = inline;
    this.exchanges = exchanges;
  }

  static BlockId block(long blocks, int attempt, int number) {
    return new BroadcastBlockId(blocks, "leat" + Integer.toUnsignedString(attempt) + "x" + number);
  }

  @Override
  public StageResult apply(TaskContext context, Iterator<Tuple2<Integer, Piece>> rows) {
    int attempt = Attempt.number(context);
    List<byte[]> told = new ArrayList<>();
    List<byte[]> batches = new ArrayList<>();
    byte[][] first = null;
    long size = 0;
    int put = 0;
    byte[] own = null;
    while (rows.hasNext()) {
      byte[] bytes = rows.next()._2().bytes();
      if (!rows.hasNext()) {
        own = bytes;
        break;
      }
      int limit = first == null ? inline : BLOCK;
      if (size > 0 && size + bytes.length > limit || bytes.length > limit && first == null) {
        if (first == null) {
          first = batches.toArray(new byte[0][]);
        } else {
          put(block(blocks, attempt, put++), batches);
        }
        batches.clear();
        size = 0;
      }
      batches.add(bytes);
      size += bytes.length;
    }
    if (first == null) {
      first = batches.toArray(new byte[0][]);
    } else if (!batches.isEmpty()) {
      put(block(blocks, attempt, put++), batches);
    }
    told.add(own);
    if (context.partitionId() == 0) {
      for (Exchange exchange : exchanges) {
        readTold(exchange, context, told);
      }
    }
    return new StageResult(attempt, first, put, told);
  }

  private static void put(BlockId id, List<byte[]> batches) {
    boolean kept =
        SparkEnv.get()
            .blockManager()
            .putSingle(
                id,
                batches.toArray(new byte[0][]),
                StorageLevel.MEMORY_AND_DISK_SER(),
                true,
                BATCHES);
    if (!kept) {
      throw new IllegalStateException("Spark's block store did not take " + id);
    }
  }

  private static void readTold(Exchange exchange, TaskContext context, List<byte[]> told) {
    int at = exchange.partitions;
    Iterator<? extends Product2<Integer, Piece>> all =
        ExchangeInputs.read(
            exchange,
            0,
            exchange.tasks,
            at,
            at + 1,
            context,
            context.taskMetrics().createTempShuffleReadMetrics());
    while (all.hasNext()) {
      told.add(all.next()._2().bytes());
    }
  }
}
