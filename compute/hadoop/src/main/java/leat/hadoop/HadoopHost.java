package leat.hadoop;

import java.io.IOException;
import java.util.List;
import java.util.UUID;
import leat.jvm.DriverConnection;
import leat.jvm.DriverHost;
import leat.jvm.FailedException;
import leat.jvm.Job;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.mapred.JobConf;
import org.apache.hadoop.mapreduce.MRConfig;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.VersionInfo;
import org.apache.hadoop.yarn.api.records.NodeReport;
import org.apache.hadoop.yarn.api.records.NodeState;
import org.apache.hadoop.yarn.client.api.YarnClient;
import org.apache.hadoop.yarn.conf.YarnConfiguration;

/**
 * Hadoop as a host: the configuration is the cluster's own (HADOOP_CONF_DIR) with what the user's
 * file adds. `yarn` and host:port are a ResourceManager; `local` runs all in this process, one task
 * after the other, to try things out.
 */
final class HadoopHost implements DriverHost {
  private static final int PROBE_MILLIS = 8_000;

  private final String master;
  private final String worker;
  private final String config;
  private final int tasks;
  private JobConf configuration;
  private YarnClient yarn; // null: local
  private Path base;
  private Path shipped; // the worker, on the cluster's file system
  private volatile JobRun running;

  HadoopHost(String master, String worker, String config, int tasks) {
    this.master = master;
    this.worker = worker;
    this.config = config;
    this.tasks = tasks;
  }

  @Override
  public Ready start() throws Exception {
    configuration = new JobConf(new YarnConfiguration());
    configuration.setJarByClass(HadoopHost.class);
    if (config != null) {
      configuration.addResource(new Path(new java.io.File(config).getAbsoluteFile().toURI()));
    }
    if (master.equals("local")) {
      return startLocal();
    }
    if (!master.equals("yarn")) {
      configuration.set(YarnConfiguration.RM_HOSTNAME, master.replaceFirst(":[0-9]+$", ""));
      configuration.set(YarnConfiguration.RM_ADDRESS, master);
    }
    configuration.set(MRConfig.FRAMEWORK_NAME, MRConfig.YARN_FRAMEWORK_NAME);
    if (FileSystem.getDefaultUri(configuration).getScheme().equals("file")) {
      throw new FailedException(
          FailedException.Kind.DOES_NOT_FIT,
          "fs.defaultFS is a local file system, which the cluster does not share",
          "set HADOOP_CONF_DIR to the folder of the cluster's core-site.xml");
    }
    List<NodeReport> nodes = probe();
    yarn = YarnClient.createYarnClient();
    yarn.init(configuration);
    yarn.start();
    base = makeBase();
    ship();
    int slots = nodes.stream().mapToInt(node -> node.getCapability().getVirtualCores()).sum();
    return new Ready(
        String.format(
            "Hadoop %s, ResourceManager at %s, %d machines",
            VersionInfo.getVersion(),
            configuration.get(YarnConfiguration.RM_ADDRESS),
            nodes.size()),
        tasks > 0 ? tasks : slots);
  }

  private Ready startLocal() throws IOException {
    configuration.set(MRConfig.FRAMEWORK_NAME, MRConfig.LOCAL_FRAMEWORK_NAME);
    base = makeBase();
    return new Ready(
        "Hadoop " + VersionInfo.getVersion() + " in this process",
        tasks > 0 ? tasks : Runtime.getRuntime().availableProcessors());
  }

  /* Hadoop waits a quarter of an hour for a ResourceManager; who runs a query does not. */
  private List<NodeReport> probe() throws FailedException {
    Configuration impatient = new YarnConfiguration(configuration);
    impatient.setInt(YarnConfiguration.RESOURCEMANAGER_CONNECT_MAX_WAIT_MS, PROBE_MILLIS);
    impatient.setInt(YarnConfiguration.RESOURCEMANAGER_CONNECT_RETRY_INTERVAL_MS, 500);
    impatient.setInt("ipc.client.connect.max.retries", 1);
    impatient.setInt("ipc.client.connect.timeout", PROBE_MILLIS / 2);
    impatient.setInt("ipc.client.connect.max.retries.on.timeouts", 1);
    List<NodeReport> nodes;
    try (YarnClient client = YarnClient.createYarnClient()) {
      client.init(impatient);
      client.start();
      nodes = client.getNodeReports(NodeState.RUNNING);
    } catch (Exception e) {
      throw new FailedException(
          FailedException.Kind.NO_CLUSTER,
          "no ResourceManager answers at "
              + configuration.get(YarnConfiguration.RM_ADDRESS)
              + ": "
              + e.getMessage(),
          "is YARN running? Its address is yarn.resourcemanager.address in HADOOP_CONF_DIR's"
              + " yarn-site.xml, or host:port after --master",
          e);
    }
    if (nodes.isEmpty()) {
      throw new FailedException(
          FailedException.Kind.NO_CLUSTER,
          "the ResourceManager has no running NodeManager",
          "start one, or see why they are unhealthy: yarn node -list -all");
    }
    return nodes;
  }

  /* A folder of this driver's own. */
  private Path makeBase() throws IOException {
    String staging = configuration.get("yarn.app.mapreduce.am.staging-dir", "/tmp/hadoop-yarn");
    String user = UserGroupInformation.getCurrentUser().getShortUserName();
    Path parent = new Path(configuration.get("leat.folder", staging + "/" + user + "/leat"));
    if (yarn == null) {
      parent = new Path(java.nio.file.Files.createTempDirectory("leat-hadoop-").toUri().toString());
    }
    FileSystem files = parent.getFileSystem(configuration);
    Path made = files.makeQualified(new Path(parent, UUID.randomUUID().toString()));
    if (!FileSystem.mkdirs(files, made, new FsPermission((short) 0700))) {
      throw new IOException("the folder " + made + " cannot be made");
    }
    return made;
  }

  /* Once; machines keep it in their cache for as long as an application runs. */
  private void ship() throws IOException {
    shipped = new Path(base, "leat-worker");
    FileSystem files = base.getFileSystem(configuration);
    files.copyFromLocalFile(false, true, new Path(worker), shipped);
    files.setPermission(shipped, new FsPermission((short) 0755));
  }

  /** A new configuration for a round of a job. */
  JobConf round(Path folder, Plan plan, int round, int attempts) {
    JobConf conf = new JobConf(configuration);
    Settings.put(
        conf,
        folder,
        plan,
        round,
        attempts,
        shipped == null ? new java.io.File(worker).getAbsolutePath() : "leat-worker");
    // Without a history server nothing is asked of one; with its default address it is waited for.
    if (conf.get("mapreduce.jobhistory.address", "").startsWith("0.0.0.0:")) {
      conf.set("mapreduce.jobhistory.address", "");
    }
    return conf;
  }

  Path shipped() {
    return shipped;
  }

  YarnClient yarn() {
    return yarn;
  }

  @Override
  public void run(Job job, DriverConnection leat) throws Exception {
    Path folder = new Path(base, "job-" + job.number);
    try (JobRun run = new JobRun(this, job, leat, new Folder(folder, configuration), folder)) {
      running = run;
      run.run();
    } finally {
      running = null;
    }
  }

  @Override
  public void cancel(Job job) {
    JobRun run = running;
    if (run != null) {
      run.kill();
    }
  }

  @Override
  public void stop() {
    try {
      if (base != null) {
        base.getFileSystem(configuration).delete(base, true);
        if (yarn == null) {
          base.getFileSystem(configuration).delete(base.getParent(), true);
        }
      }
    } catch (IOException e) {
      System.err.println("leat: the folder " + base + " stays: " + e.getMessage());
    }
  }
}
