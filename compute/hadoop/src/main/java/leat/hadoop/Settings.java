package leat.hadoop;

import java.io.IOException;
import java.nio.file.Files;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** What the driver tells the tasks of a round, in the configuration of its job. */
final class Settings {
  private static final String FOLDER = "leat.job.folder";
  private static final String PLAN = "leat.job.plan";
  private static final String ROUND = "leat.job.round";
  private static final String WORKER = "leat.worker";
  private static final String ATTEMPTS = "leat.job.attempts";

  private final Configuration configuration;

  Settings(Configuration configuration) {
    this.configuration = configuration;
  }

  /**
   * @param attempts is added to Hadoop's numbers of attempts, as a round that is submitted again
   *     has them again
   */
  static void put(
      Configuration to, Path folder, Plan plan, int round, int attempts, String worker) {
    to.set(FOLDER, folder.toString());
    to.set(PLAN, plan.toString());
    to.setInt(ROUND, round);
    to.setInt(ATTEMPTS, attempts);
    to.set(WORKER, worker);
  }

  Folder folder() throws IOException {
    return new Folder(new Path(configuration.get(FOLDER)), configuration);
  }

  Plan plan() {
    return Plan.parse(configuration.get(PLAN));
  }

  Plan.Round round() {
    return plan().rounds.get(configuration.getInt(ROUND, 0));
  }

  int attempts() {
    return configuration.getInt(ATTEMPTS, 0);
  }

  /**
   * The worker's file. It unpacks itself beside itself, once: in the machine's cache, behind the
   * link that a container has, if that may be written to.
   */
  String worker() throws IOException {
    java.nio.file.Path link = java.nio.file.Path.of(configuration.get(WORKER)).toAbsolutePath();
    java.nio.file.Path file = link.toRealPath();
    return (Files.isWritable(file.getParent()) ? file : link).toString();
  }
}
