package leat.hadoop;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import leat.jvm.Job;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.NullWritable;
import org.apache.hadoop.mapreduce.Mapper;

/** Runs a stage's task in a map task: what it puts out goes into the shuffle. */
public final class StageMapper extends Mapper<NullWritable, NullWritable, RowsKey, BytesWritable> {
  /* A reader of the stage, in the reduce tasks of this round. */
  private record Reader(int input, Job.Mode mode, int first, int tasks) {}

  @Override
  public void run(Context context) throws IOException, InterruptedException {
    try (StageTask task = new StageTask(context)) {
      List<Reader> readers = readers(task);
      RowsKey key = new RowsKey();
      BytesWritable value = new BytesWritable();
      int[] sequence = {0};
      task.run(
          input -> {
            throw new IOException("input " + input + " of a map task would be shuffled");
          },
          (partition, batch) -> {
            for (Reader reader : readers) {
              int at = reader.mode() == Job.Mode.OWN ? partition : 0;
              if (at < 0 || at >= reader.tasks()) {
                throw new IOException("rows for partition " + at + " of " + reader.tasks());
              }
              key.set(reader.first() + at, reader.input(), task.attempt.task(), sequence[0]++);
              value.set(batch.array(), start(batch), batch.remaining());
              context.write(key, value);
            }
          });
    }
  }

  private static int start(ByteBuffer batch) {
    return batch.arrayOffset() + batch.position();
  }

  private static List<Reader> readers(StageTask task) {
    List<Reader> readers = new ArrayList<>();
    List<Plan.Stage> reduces = task.round.reduces();
    for (Plan.Stage stage : reduces) {
      for (int i = 0; i < stage.inputs().size(); i++) {
        Job.Input input = stage.inputs().get(i);
        if (input.stage() == task.stage.number() && task.plan.isShuffled(stage, input)) {
          readers.add(
              new Reader(
                  i, input.mode(), Plan.Round.first(reduces, stage.number()), stage.tasks()));
        }
      }
    }
    return readers;
  }
}
