package leat.hadoop;

import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.mapreduce.JobContext;
import org.apache.hadoop.mapreduce.OutputCommitter;
import org.apache.hadoop.mapreduce.OutputFormat;
import org.apache.hadoop.mapreduce.RecordWriter;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.hadoop.mapreduce.TaskAttemptID;
import org.apache.hadoop.mapreduce.TaskType;

/**
 * The output of tasks is a folder for each attempt; that of the attempt which Hadoop lets commit
 * gets the task's name. Hadoop asks map tasks to commit too.
 */
public final class Attempts extends OutputFormat<Object, Object> {
  /** The attempt's place in Leat's job: its number is the one that Hadoop gave it. */
  static Folder.Attempt of(TaskAttemptContext context) {
    Settings settings = new Settings(context.getConfiguration());
    return of(context.getTaskAttemptID(), settings.round(), settings.attempts());
  }

  static Folder.Attempt of(TaskAttemptID id, Plan.Round round, int attempts) {
    Plan.TaskOfStage task =
        Plan.Round.at(
            id.getTaskType() == TaskType.MAP ? round.maps() : round.reduces(),
            id.getTaskID().getId());
    return new Folder.Attempt(task.stage().number(), task.task(), attempts + id.getId());
  }

  @Override
  public RecordWriter<Object, Object> getRecordWriter(TaskAttemptContext context) {
    return new RecordWriter<>() {
      @Override
      public void write(Object key, Object value) throws IOException {
        throw new IOException("tasks write their rows themselves");
      }

      @Override
      public void close(TaskAttemptContext ended) {}
    };
  }

  @Override
  public void checkOutputSpecs(JobContext context) {}

  @Override
  public OutputCommitter getOutputCommitter(TaskAttemptContext context) {
    return new Committer();
  }

  private static final class Committer extends OutputCommitter {
    @Override
    public void setupJob(JobContext context) {}

    @Override
    public void setupTask(TaskAttemptContext context) {}

    @Override
    public boolean needsTaskCommit(TaskAttemptContext context) throws IOException {
      return isTask(context) && folder(context).isWritten(of(context));
    }

    @Override
    public void commitTask(TaskAttemptContext context) throws IOException {
      folder(context).commit(of(context));
    }

    @Override
    public void abortTask(TaskAttemptContext context) throws IOException {
      if (isTask(context)) {
        folder(context).discard(of(context));
      }
    }

    private static boolean isTask(TaskAttemptContext context) {
      TaskType type = context.getTaskAttemptID().getTaskType();
      return type == TaskType.MAP || type == TaskType.REDUCE;
    }

    private static Folder folder(TaskAttemptContext context) throws IOException {
      Configuration configuration = context.getConfiguration();
      return new Settings(configuration).folder();
    }
  }
}
