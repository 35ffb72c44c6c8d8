package leat.jvm;

import java.nio.ByteBuffer;

/**
 * What a cluster does for {@link DriverConnection}. The functions are called by one thread, but for
 * given and cancel, which the thread that reads calls, and stop, which may come while another one
 * runs.
 */
public interface DriverHost {
  /** What it is connected to, for people, and how many tasks can run at once (0: unknown). */
  record Ready(String text, int tasks) {}

  /** Connects with the cluster. */
  Ready start() throws Exception;

  /**
   * Rows of a given stage, good until this returns; without an own way they are kept in the job.
   */
  default void given(Job job, Job.Stage stage, ByteBuffer rows) throws Exception {
    Job.keep(stage, rows);
  }

  /**
   * Runs a job. When it returns or throws, no task of it is running, and it has told of each
   * attempt that it won or was lost, as far as it can know. DONE, or the error, is written by the
   * caller.
   *
   * @throws WorkerErrorException the query has an error
   * @throws FailedException the host cannot do it
   */
  void run(Job job, DriverConnection leat) throws Exception;

  /**
   * The job is wanted no more ({@link Job#isCancelled}): run shall end soon, in whichever way. The
   * job may not run yet, or no more.
   */
  void cancel(Job job);

  /** Leat is gone: what this host holds of the cluster is given back. Called once. */
  void stop();
}
