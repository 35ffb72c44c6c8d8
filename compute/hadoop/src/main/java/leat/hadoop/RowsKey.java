package leat.hadoop;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import org.apache.hadoop.io.WritableComparable;
import org.apache.hadoop.io.WritableComparator;
import org.apache.hadoop.mapreduce.Partitioner;

/**
 * Where a batch goes in the shuffle, and its place there: by input, then the task that gave it,
 * then its number among what that task put out. That order makes the result the same every time.
 */
public final class RowsKey implements WritableComparable<RowsKey> {
  static final int SIZE = 16;

  int reduce;
  int input;
  int task;
  int sequence;

  /** For Hadoop. */
  public RowsKey() {}

  RowsKey set(int reduce, int input, int task, int sequence) {
    this.reduce = reduce;
    this.input = input;
    this.task = task;
    this.sequence = sequence;
    return this;
  }

  @Override
  public void write(DataOutput out) throws IOException {
    out.writeInt(reduce);
    out.writeInt(input);
    out.writeInt(task);
    out.writeInt(sequence);
  }

  @Override
  public void readFields(DataInput in) throws IOException {
    set(in.readInt(), in.readInt(), in.readInt(), in.readInt());
  }

  @Override
  public int compareTo(RowsKey other) {
    int order = Integer.compare(reduce, other.reduce);
    order = order != 0 ? order : Integer.compare(input, other.input);
    order = order != 0 ? order : Integer.compare(task, other.task);
    return order != 0 ? order : Integer.compare(sequence, other.sequence);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RowsKey key && compareTo(key) == 0;
  }

  @Override
  public int hashCode() {
    return ((reduce * 31 + input) * 31 + task) * 31 + sequence;
  }

  /** Compares keys as they lie in the sort's buffer: none of their numbers is negative. */
  public static final class Comparator extends WritableComparator {
    /** For Hadoop. */
    public Comparator() {
      super(RowsKey.class);
    }

    @Override
    public int compare(byte[] a, int startA, int sizeA, byte[] b, int startB, int sizeB) {
      return compareBytes(a, startA, SIZE, b, startB, SIZE);
    }
  }

  /** Each key says which reduce task it is for. */
  public static final class ByReduce<V> extends Partitioner<RowsKey, V> {
    @Override
    public int getPartition(RowsKey key, V value, int partitions) {
      return key.reduce;
    }
  }
}
