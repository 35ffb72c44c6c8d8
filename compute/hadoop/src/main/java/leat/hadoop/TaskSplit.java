package leat.hadoop;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.io.NullWritable;
import org.apache.hadoop.io.Writable;
import org.apache.hadoop.mapreduce.InputFormat;
import org.apache.hadoop.mapreduce.InputSplit;
import org.apache.hadoop.mapreduce.JobContext;
import org.apache.hadoop.mapreduce.RecordReader;
import org.apache.hadoop.mapreduce.TaskAttemptContext;

/** Which task a map task runs. Its records are none: the worker reads storage itself. */
public final class TaskSplit extends InputSplit implements Writable {
  int stage;
  int task;

  /** For Hadoop. */
  public TaskSplit() {}

  TaskSplit(int stage, int task) {
    this.stage = stage;
    this.task = task;
  }

  /** Hadoop sorts splits by length, the longest first, and numbers the tasks so. */
  @Override
  public long getLength() {
    return 1;
  }

  @Override
  public String[] getLocations() {
    return new String[0];
  }

  @Override
  public void write(DataOutput out) throws IOException {
    out.writeInt(stage);
    out.writeInt(task);
  }

  @Override
  public void readFields(DataInput in) throws IOException {
    stage = in.readInt();
    task = in.readInt();
  }

  /** Gives the splits of a round: one for each task of its map stages, in their order. */
  public static final class Format extends InputFormat<NullWritable, NullWritable> {
    @Override
    public List<InputSplit> getSplits(JobContext context) {
      List<InputSplit> splits = new ArrayList<>();
      for (Plan.Stage stage : new Settings(context.getConfiguration()).round().maps()) {
        for (int task = 0; task < stage.tasks(); task++) {
          splits.add(new TaskSplit(stage.number(), task));
        }
      }
      return splits;
    }

    @Override
    public RecordReader<NullWritable, NullWritable> createRecordReader(
        InputSplit split, TaskAttemptContext context) {
      return new NoRecords();
    }
  }

  private static final class NoRecords extends RecordReader<NullWritable, NullWritable> {
    @Override
    public void initialize(InputSplit split, TaskAttemptContext context) {}

    @Override
    public boolean nextKeyValue() {
      return false;
    }

    @Override
    public NullWritable getCurrentKey() {
      return NullWritable.get();
    }

    @Override
    public NullWritable getCurrentValue() {
      return NullWritable.get();
    }

    @Override
    public float getProgress() {
      return 0;
    }

    @Override
    public void close() {}
  }
}
