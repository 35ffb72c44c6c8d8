package leat.hadoop;

import java.io.IOException;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.NullWritable;
import org.apache.hadoop.mapreduce.Reducer;

/** Runs a stage's task in a reduce task. */
public final class StageReducer
    extends Reducer<RowsKey, BytesWritable, NullWritable, NullWritable> {
  @Override
  public void run(Context context) throws IOException, InterruptedException {
    try (StageTask task = new StageTask(context);
        Spool spool = new Spool(task.stage.inputs().size())) {
      boolean[] drained = {false};
      task.run(
          input -> {
            if (!drained[0]) {
              drain(context, spool);
              drained[0] = true;
            }
            return spool.open(input);
          },
          (partition, batch) -> {});
    }
  }

  /* Hadoop gives the rows once, input by input; a worker wants its inputs in an order of its own. */
  private static void drain(Context context, Spool spool) throws IOException, InterruptedException {
    while (context.nextKey()) {
      for (BytesWritable value : context.getValues()) {
        RowsKey key = context.getCurrentKey();
        spool.append(key.input, value.getBytes(), value.getLength());
      }
    }
  }
}
