package leat.hadoop;

import java.util.regex.Pattern;
import leat.jvm.FailedException;

/** What Hadoop's words about a failed job mean. */
final class Diagnosis {
  private static final Pattern MEMORY =
      Pattern.compile("beyond (?:the )?'?(?:PHYSICAL|VIRTUAL|physical|virtual)'? memory");

  private Diagnosis() {}

  /**
   * @param words Hadoop's
   * @param worker how a worker died, or null
   * @param where the job's page
   */
  static FailedException of(String words, String worker, String where) {
    if (words != null && MEMORY.matcher(words).find()) {
      return new FailedException(
          FailedException.Kind.MEMORY,
          firstLine(words),
          "give tasks more (mapreduce.map.memory.mb, mapreduce.reduce.memory.mb) or the engine less"
              + " (--memory)");
    }
    if (worker != null) {
      return new FailedException(
          FailedException.Kind.WORKER_DIED, worker, "its messages are in the task's log: " + where);
    }
    return new FailedException(
        FailedException.Kind.HOST,
        words == null ? "the job failed" : firstLine(words),
        "see " + where);
  }

  /** Without Hadoop's stack traces. */
  static String firstLine(String words) {
    String line = words.strip().split("[\\r\\n]", 2)[0];
    return line.replaceFirst("^Error: ", "").replaceFirst("^(?:java|leat)[\\w.]*Exception: ", "");
  }
}
