package leat.flink;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import leat.jvm.DriverConnection;
import leat.jvm.DriverHost;
import leat.jvm.FailedException;
import leat.jvm.FailedException.Kind;
import leat.jvm.Job;

/**
 * The driver for Flink: uploads this jar to a session cluster, has {@link Submission} run there for
 * each job, and hears from its tasks what they did ({@link Run}). It needs nothing of Flink.
 */
public final class FlinkDriver implements DriverHost {
  private static final long CANCEL_SECONDS = 20;
  private static final long SLOTS_SECONDS = 10;

  private final String master;
  private final Path program;
  private final String config;

  private Settings settings;
  private Rest rest;
  private LinkServer server;
  private String jar;
  private String programSum;
  private volatile Run current;

  private FlinkDriver(String master, Path program, String config) {
    this.master = master;
    this.program = program;
    this.config = config;
  }

  public static void main(String[] args) {
    String master = null;
    String worker = null;
    String config = null;
    for (int i = 0; i + 1 < args.length; i += 2) {
      switch (args[i]) {
        case "--master" -> master = args[i + 1];
        case "--worker" -> worker = args[i + 1];
        case "--config" -> config = args[i + 1];
        default -> {} // --tasks: Flink has as many as it has slots
      }
    }
    if (master == null || worker == null) {
      System.err.println("driver --master http://HOST:8081 --worker FILE [--config FILE]");
      System.exit(2);
    }
    DriverConnection.main(new FlinkDriver(master, Path.of(worker), config), "leat flink driver");
  }

  @Override
  public Ready start() throws Exception {
    settings = Settings.read(config);
    URI uri = uri(master);
    rest = new Rest(uri.toString(), settings.connectTimeout);
    String version;
    try {
      version = rest.version();
    } catch (IOException e) {
      throw new FailedException(
          Kind.NO_CLUSTER,
          "no Flink JobManager answers at " + uri + ": " + e,
          "--master is the address of its REST interface, as http://HOST:8081",
          e);
    }
    if (version.startsWith("0.") || version.startsWith("1.")) {
      throw new FailedException(
          Kind.DOES_NOT_FIT, "Flink " + version + " at " + uri, "Leat runs on Flink 2.0 and later");
    }
    int slots = awaitSlots(uri);
    programSum = sum();
    server = new LinkServer(address(uri), settings.driverPort, this::serve);
    try {
      jar = rest.upload(ownJar());
    } catch (Rest.RefusedException e) {
      throw new FailedException(
          Kind.DOES_NOT_FIT,
          "the JobManager at " + uri + " takes no jar: " + e.getMessage(),
          "Leat needs a session cluster with web.submit.enable: true",
          e);
    }
    return new Ready("Flink " + version + " at " + uri, slots);
  }

  private static URI uri(String master) throws FailedException {
    try {
      URI uri = URI.create(master.contains("://") ? master : "http://" + master);
      if (uri.getHost() != null && List.of("http", "https").contains(uri.getScheme())) {
        return URI.create(master.contains("://") ? master.replaceAll("/+$", "") : uri.toString());
      }
    } catch (IllegalArgumentException e) {
      // As one without a host.
    }
    throw new FailedException(
        Kind.DOES_NOT_FIT, "\"" + master + "\" is no address of Flink", "as http://HOST:8081");
  }

  private String sum() throws Exception {
    try {
      byte[] sum = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(program));
      return HexFormat.of().formatHex(sum, 0, 12);
    } catch (IOException e) {
      throw new FailedException(
          Kind.DOES_NOT_FIT, "the packed worker " + program + " cannot be read", "", e);
    }
  }

  private int awaitSlots(URI uri) throws Exception {
    long end = System.nanoTime() + settings.connectTimeout * 1_000_000_000L;
    for (; ; ) {
      int slots = rest.slots();
      if (slots > 0) {
        return slots;
      }
      if (System.nanoTime() > end) {
        throw new FailedException(
            Kind.NO_CLUSTER, "the Flink cluster at " + uri + " has no TaskManager", "start one");
      }
      Thread.sleep(100);
    }
  }

  /* Where the cluster reaches this process: by default, the way by which this process reaches it. */
  private InetAddress address(URI uri) throws IOException {
    if (!settings.driverHost.isEmpty()) {
      return InetAddress.getByName(settings.driverHost);
    }
    int port = uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(uri.getHost(), port), settings.connectTimeout * 1000);
      return socket.getLocalAddress();
    }
  }

  private static Path ownJar() throws Exception {
    return Path.of(FlinkDriver.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private void serve(Link link, String secret, int who, int stage, int task) throws IOException {
    Run run = current;
    if (run != null && run.hasSecret(secret)) {
      run.serve(link, who, stage, task);
    }
  }

  @Override
  public void run(Job job, DriverConnection leat) throws Exception {
    Run run = new Run(job, leat, settings, program, programSum);
    current = run;
    try (run) {
      carryOut(run);
      run.giveRows();
    } finally {
      current = null;
    }
  }

  private void carryOut(Run run) throws Exception {
    String id = null;
    try {
      id = submit(run);
      finish(run, id, follow(run, id));
    } finally {
      run.end();
      if (id != null) {
        cancel(id);
      }
      run.awaitLinks();
    }
  }

  private String submit(Run run) throws Exception {
    try {
      return rest.run(
          jar, Submission.class.getName(), run.address(server.address(), server.port()));
    } catch (Rest.RefusedException e) {
      throw new FailedException(
          Kind.HOST, "Flink did not take the job: " + e.getMessage(), "its log says more", e);
    }
  }

  /* Until the job has ended, or shall. */
  private String follow(Run run, String id) throws Exception {
    long heard = System.nanoTime();
    long slotsSeen = heard;
    while (!run.isUnwanted()) {
      try {
        String state = rest.state(id);
        heard = System.nanoTime();
        if (run.isBusy()) {
          slotsSeen = heard;
        } else if (heard - slotsSeen > SLOTS_SECONDS * 1_000_000_000L && !hasSlots(slotsSeen)) {
          throw new FailedException(
              Kind.NO_CLUSTER, "all TaskManagers of the cluster at " + master + " are lost", "");
        }
        if (List.of("FINISHED", "FAILED", "CANCELED").contains(state)) {
          return state;
        }
      } catch (IOException e) {
        if (System.nanoTime() - heard > settings.lostTimeout * 1_000_000_000L) {
          throw new FailedException(
              Kind.NO_CLUSTER, "the JobManager at " + master + " answers no more: " + e, "", e);
        }
      }
      run.awaitNews();
    }
    return "";
  }

  /* Asked seldom: while tasks run, slots are there. */
  private boolean hasSlots(long seen) throws IOException {
    return rest.slots() > 0 || System.nanoTime() - seen < settings.slotsTimeout * 1_000_000_000L;
  }

  private void finish(Run run, String id, String state) throws Exception {
    run.throwFailure();
    if (!state.equals("FINISHED")) {
      throw new FailedException(
          Kind.HOST,
          state.equals("FAILED")
              ? "the job failed in Flink: " + rest.reason(id)
              : "the job was cancelled in Flink",
          "Flink's logs say more");
    }
    if (!run.isComplete()) {
      throw new FailedException(Kind.HOST, "Flink ended the job without all of its tasks", "");
    }
  }

  /* Nothing if it has ended. */
  private void cancel(String id) {
    long end = System.nanoTime() + CANCEL_SECONDS * 1_000_000_000L;
    try {
      boolean asked = false;
      while (System.nanoTime() < end
          && !List.of("FINISHED", "FAILED", "CANCELED").contains(rest.state(id))) {
        if (!asked) {
          rest.cancel(id);
          asked = true;
        }
        Thread.sleep(10);
      }
    } catch (IOException e) {
      // It has ended meanwhile, or nobody is there to be asked.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void cancel(Job job) {
    Run run = current;
    if (run != null) {
      run.wake();
    }
  }

  @Override
  public void stop() {
    try {
      if (jar != null) {
        rest.delete(jar);
      }
    } catch (IOException e) {
      System.err.println("leat: the uploaded jar stays at " + master + ": " + e.getMessage());
    }
    if (server != null) {
      server.close();
    }
  }
}
