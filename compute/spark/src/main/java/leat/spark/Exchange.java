package leat.spark;

import java.io.Serializable;
import org.apache.spark.ShuffleDependency;
import org.apache.spark.broadcast.Broadcast;

/**
 * How a stage's rows are had: a shuffle, or for a given stage broadcasts, chunk by chunk. After its
 * `partitions` the shuffle has one more: what the attempts told, which so is had of the very
 * attempts whose rows are used.
 */
final class Exchange implements Serializable {
  private static final long serialVersionUID = 1;

  final int stage;
  final int tasks;

  /** Of the shuffle, which may be one where the stage has many: nobody reads them apart. */
  final int partitions;

  final ShuffleDependency<Integer, Piece, Piece> shuffle; // null: given
  final Broadcast<byte[][]>[] given;

  Exchange(int stage, int tasks, int partitions, ShuffleDependency<Integer, Piece, Piece> shuffle) {
    this.stage = stage;
    this.tasks = tasks;
    this.partitions = partitions;
    this.shuffle = shuffle;
    this.given = null;
  }

  Exchange(int stage, Broadcast<byte[][]>[] given) {
    this.stage = stage;
    this.tasks = 1;
    this.partitions = 1;
    this.shuffle = null;
    this.given = given;
  }
}
