package leat.spark;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import leat.jvm.DriverConnection;
import leat.jvm.DriverHost;
import leat.jvm.FailedException;
import leat.jvm.Job;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;

/** Leat's jobs on a Spark context, which lives as long as the driver. */
final class SparkHost implements DriverHost {
  private static final int CONNECT_MILLIS = 3_000;
  private static final int CHUNK = 4 << 20; // bytes of a given stage's rows in one broadcast
  private static final long SETTLE_MILLIS = 1_000;
  private static final long POLL_MILLIS = 25;

  private final String worker;
  private final int tasks;
  private final Attempts attempts = new Attempts();
  private volatile JavaSparkContext spark;
  private RDD<?> origin;
  private long jobs;
  private List<List<Broadcast<byte[][]>>> given = new ArrayList<>();
  private Job givenTo;
  private Job.Stage chunkStage;
  private List<byte[]> chunk = new ArrayList<>();
  private long chunkSize;

  /**
   * @param worker the packed worker, on this machine
   * @param tasks how many may run at once; 0: as many as the cluster lets
   */
  SparkHost(String worker, int tasks) {
    this.worker = worker;
    this.tasks = tasks;
  }

  @Override
  public Ready start() throws FailedException {
    SparkConf conf = new SparkConf();
    conf.setIfMissing("spark.app.name", "leat");
    // Leat compresses what is worth it.
    conf.setIfMissing("spark.shuffle.compress", "false");
    conf.setIfMissing("spark.shuffle.spill.compress", "false");
    conf.setIfMissing("spark.broadcast.compress", "false");
    conf.setIfMissing("spark.locality.wait", "0s");
    String master = conf.get("spark.master");
    if (master.startsWith("local")) {
      conf.setIfMissing("spark.ui.enabled", "false");
    }
    if (tasks > 0) {
      conf.setIfMissing("spark.cores.max", Integer.toString(tasks));
    }
    checkMaster(master);
    try {
      spark = new JavaSparkContext(conf);
    } catch (RuntimeException e) {
      throw new FailedException(
          FailedException.Kind.NO_CLUSTER,
          "no Spark at " + master + ": " + e.getMessage(),
          "see Spark's log above",
          e);
    }
    spark.sc().addSparkListener(attempts);
    spark.addFile(worker);
    origin = spark.emptyRDD().rdd();
    int cores = master.startsWith("local") ? spark.defaultParallelism() : awaitCores(master, conf);
    return new Ready("Spark " + spark.version() + " at " + master, cores);
  }

  /* Spark itself tries for a minute. */
  private static void checkMaster(String master) throws FailedException {
    if (!master.startsWith("spark://")) {
      return;
    }
    IOException failure = null;
    for (String address : master.substring("spark://".length()).split(",")) {
      int colon = address.lastIndexOf(':');
      try (Socket socket = new Socket()) {
        socket.connect(
            new InetSocketAddress(
                address.substring(0, Math.max(0, colon)),
                Integer.parseInt(address.substring(colon + 1))),
            CONNECT_MILLIS);
        return;
      } catch (IOException e) {
        failure = e;
      } catch (IllegalArgumentException e) {
        throw new FailedException(
            FailedException.Kind.NO_CLUSTER,
            "\"" + master + "\" is no address of a Spark master",
            "write it as spark://host:7077",
            e);
      }
    }
    throw new FailedException(
        FailedException.Kind.NO_CLUSTER,
        "no Spark master at " + master + ": " + failure.getMessage(),
        "start the master, or correct --master",
        failure);
  }

  /* Executors come one by one: waits for the first, and until no more come. */
  private int awaitCores(String master, SparkConf conf) throws FailedException {
    int wanted = conf.getInt("spark.cores.max", Integer.MAX_VALUE);
    // Spark's own setting of how long to wait for executors.
    long patience = conf.getTimeAsMs("spark.scheduler.maxRegisteredResourcesWaitingTime", "60s");
    long start = System.currentTimeMillis();
    long changed = start;
    int executors = 0;
    for (; ; ) {
      long now = System.currentTimeMillis();
      int count = 0;
      for (SparkExecutorInfo info : spark.sc().statusTracker().getExecutorInfos()) {
        count++;
      }
      count--; // the driver
      if (count != executors) {
        executors = count;
        changed = now;
      }
      int cores = executors > 0 ? spark.defaultParallelism() : 0;
      if (executors > 0 && (cores >= wanted || now - changed >= SETTLE_MILLIS)) {
        return cores;
      }
      if (now - start > patience) {
        if (master.startsWith("spark://")) {
          throw new FailedException(
              FailedException.Kind.NO_CLUSTER,
              "the Spark master at "
                  + master
                  + " gave no executor within "
                  + patience / 1000
                  + " s",
              "see in its web page whether workers are alive and have free cores and memory for"
                  + " spark.executor.memory");
        }
        return 0;
      }
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return cores;
      }
    }
  }

  /* Called by the thread that reads, between JOB and GO. Keeps no more than a chunk here. */
  @Override
  public void given(Job job, Job.Stage stage, ByteBuffer rows) {
    if (givenTo != job) {
      // Of a job that was cancelled before it ran something may be left.
      given.forEach(chunks -> chunks.forEach(Broadcast::destroy));
      givenTo = job;
      given = new ArrayList<>();
      for (int i = 0; i < job.stages.size(); i++) {
        given.add(new ArrayList<>());
      }
      chunk = new ArrayList<>();
      chunkStage = null;
    }
    if (chunkStage != stage || chunkSize + rows.remaining() > CHUNK) {
      broadcastChunk();
      chunkStage = stage;
    }
    byte[] copy = new byte[rows.remaining()];
    rows.get(copy);
    chunk.add(copy);
    chunkSize += copy.length;
  }

  private void broadcastChunk() {
    if (!chunk.isEmpty()) {
      given.get(chunkStage.number).add(spark.broadcast(chunk.toArray(new byte[0][])));
    }
    chunk = new ArrayList<>();
    chunkSize = 0;
  }

  @Override
  public void run(Job job, DriverConnection leat) throws Exception {
    List<List<Broadcast<byte[][]>>> rows = new ArrayList<>();
    if (givenTo == job) {
      broadcastChunk();
      rows = given;
      given = new ArrayList<>();
      givenTo = null;
    }
    while (rows.size() < job.stages.size()) {
      rows.add(new ArrayList<>());
    }
    if (spark.sc().isStopped()) {
      throw new FailedException(
          FailedException.Kind.NO_CLUSTER, "the connection with Spark is lost", "run again");
    }
    new SparkJob(
            spark, job, jobs++, Path.of(worker).getFileName().toString(), origin, attempts, leat)
        .run(rows);
  }

  @Override
  public void cancel(Job job) {
    // The running job sees it itself.
  }

  @Override
  public void stop() {
    JavaSparkContext context = spark;
    if (context != null) {
      context.sc().cancelAllJobs();
      Attempt.closePool(); // those of local[n]
      context.stop();
    }
  }
}
