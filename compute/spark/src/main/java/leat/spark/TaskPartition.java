package leat.spark;

import org.apache.spark.Partition;

/** A task of a stage; its fragment travels with it alone. */
final class TaskPartition implements Partition {
  private static final long serialVersionUID = 1;

  private final int task;
  final byte[] fragment;

  TaskPartition(int task, byte[] fragment) {
    this.task = task;
    this.fragment = fragment;
  }

  @Override
  public int index() {
    return task;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TaskPartition that && that.task == task;
  }

  @Override
  public int hashCode() {
    return task;
  }
}
