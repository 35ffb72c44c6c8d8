package leat.flink;

import java.io.Closeable;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import leat.jvm.DriverConnection;
import leat.jvm.FailedException;
import leat.jvm.FailedException.Kind;
import leat.jvm.Frame;
import leat.jvm.FrameReader;
import leat.jvm.Job;
import leat.jvm.WorkerErrorException;

/**
 * One job: serves the connections of its submission and tasks, decides which attempt of a task wins
 * (the first that ended), counts the dead ones, and keeps the result's rows until they can be given
 * in their order.
 */
final class Run implements Closeable {
  private static final int PIECE = 1 << 20;
  private static final long NEWS_MILLIS = 200;
  private static final long LINKS_MILLIS = 10_000;

  /* A machine that is gone is not heard of by its worker, which needs a moment to end. */
  private static final long VANISHED_MILLIS = 1_000;

  private record Attempt(int stage, int task, int number) {}

  /** What is known of a task. */
  private static final class Task {
    int attempts;
    int deaths;
    boolean won;
    Spool rows;
  }

  private final Job job;
  private final DriverConnection leat;
  private final Settings settings;
  private final Path program;
  private final String programSum;
  private final String secret;

  // By this object's lock.
  private final Task[][] tasks;
  private final Set<Link> links = new HashSet<>();
  private final List<Attempt> vanished = new ArrayList<>();
  private int missing;
  private Exception failure;
  private boolean ended;
  private boolean news;

  Run(Job job, DriverConnection leat, Settings settings, Path program, String programSum) {
    this.job = job;
    this.leat = leat;
    this.settings = settings;
    this.program = program;
    this.programSum = programSum;
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    secret = HexFormat.of().formatHex(random);
    tasks = new Task[job.stages.size()][];
    for (Job.Stage stage : job.stages) {
      tasks[stage.number] = new Task[stage.fragments.length];
      for (int i = 0; i < stage.fragments.length; i++) {
        tasks[stage.number][i] = new Task();
        missing++;
      }
    }
  }

  /** The arguments of {@link Submission}. */
  List<String> address(String host, int port) {
    return List.of(host, String.valueOf(port), secret);
  }

  boolean hasSecret(String other) {
    return MessageDigest.isEqual(
        secret.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
  }

  void serve(Link link, int who, int stage, int task) throws IOException {
    synchronized (this) {
      if (ended || failure != null || job.isCancelled()) {
        link.writer().write(Link.STOP);
        return;
      }
      links.add(link);
    }
    try {
      switch (who) {
        case Link.SUBMISSION -> giveJob(link);
        case Link.GIVEN -> giveStage(link, job.stages.get(stage));
        default -> serveTask(link, stage, task);
      }
    } finally {
      synchronized (this) {
        links.remove(link);
        wake();
      }
    }
  }

  private void giveJob(Link link) throws IOException {
    Plan plan = Plan.of(job, programSum, settings);
    link.writer().write(Link.PLAN, ByteBuffer.wrap(plan.bytes()));
    byte[] piece = new byte[PIECE];
    try (InputStream in = new FileInputStream(program.toFile())) {
      for (int got = in.read(piece); got > 0; got = in.read(piece)) {
        link.writer().write(Link.PIECE, ByteBuffer.wrap(piece, 0, got));
      }
    }
    link.writer().write(Link.END);
  }

  private static void giveStage(Link link, Job.Stage stage) throws IOException {
    for (byte[] batch : stage.rows) {
      link.writer().write(Frame.ROWS, ByteBuffer.wrap(batch));
    }
    link.writer().write(Link.END);
  }

  private void serveTask(Link link, int stage, int task) throws IOException {
    Attempt attempt;
    synchronized (this) {
      attempt = new Attempt(stage, task, tasks[stage][task].attempts++);
    }
    Spool rows = new Spool(Path.of(System.getProperty("java.io.tmpdir")), settings.spoolMemory);
    boolean known = false;
    boolean won = false;
    try {
      link.writer().write(Link.START, attempt.number);
      FrameReader in = link.next();
      for (; in.kind() == Frame.ROWS; in = link.next()) {
        rows.add(0, in.rest());
      }
      known = true;
      switch (in.kind()) {
        case Frame.WON -> won = win(attempt, in.rest(), rows);
        case Frame.ERROR -> {
          leat.lost(stage, task, attempt.number);
          fail(new WorkerErrorException(in.whole()));
        }
        case Link.DIED -> die(attempt, in.u8Below("kind", Kind.values().length + 1), in.string());
        default -> leat.lost(stage, task, attempt.number);
      }
      link.writer().write(won || in.kind() == Frame.WON ? Link.END : Link.STOP);
    } finally {
      if (!won) {
        rows.close();
      }
      if (!known) {
        vanish(attempt);
      }
    }
  }

  /* Whether it is the first of its task. */
  private synchronized boolean win(Attempt attempt, byte[] told, Spool rows) throws IOException {
    Task task = tasks[attempt.stage][attempt.task];
    if (task.won) {
      leat.lost(attempt.stage, attempt.task, attempt.number);
      return false;
    }
    leat.won(attempt.stage, attempt.task, attempt.number, told);
    task.won = true;
    task.rows = rows;
    missing--;
    wake();
    return true;
  }

  private void die(Attempt attempt, int kind, String reason) throws IOException {
    leat.lost(attempt.stage, attempt.task, attempt.number);
    int deaths;
    synchronized (this) {
      deaths = ++tasks[attempt.stage][attempt.task].deaths;
    }
    String text =
        "task " + attempt.task + " of stage " + attempt.stage + ", attempt " + (attempt.number + 1);
    leat.note(text + ": " + reason);
    Kind failed = Kind.values()[Math.max(kind, 1) - 1];
    if (failed == Kind.DOES_NOT_FIT || deaths >= settings.attempts) {
      String times = failed == Kind.DOES_NOT_FIT ? "" : " (tried " + deaths + " times)";
      fail(new FailedException(failed, text + ": " + reason + times, ""));
    }
  }

  /* Its TaskManager was lost, or ended it without a word. */
  private synchronized void vanish(Attempt attempt) {
    vanished.add(attempt);
    if (!ended && failure == null && !job.isCancelled()) {
      try {
        leat.note(
            "task "
                + attempt.task
                + " of stage "
                + attempt.stage
                + ", attempt "
                + (attempt.number + 1)
                + ": the connection with it was lost");
      } catch (IOException e) {
        wake();
      }
    }
  }

  private synchronized void fail(Exception reason) {
    if (failure == null) {
      failure = reason;
    }
    wake();
  }

  synchronized void wake() {
    news = true;
    notifyAll();
  }

  /** Waits until something has happened, or for a moment: not at all, nearly, when all is done. */
  synchronized void awaitNews() throws InterruptedException {
    if (!news) {
      wait(missing == 0 ? NEWS_MILLIS / 20 : NEWS_MILLIS);
    }
    news = false;
  }

  /** A task is connected. */
  synchronized boolean isBusy() {
    return !links.isEmpty();
  }

  /** The job failed, or Leat wants it no more. */
  synchronized boolean isUnwanted() {
    return failure != null || job.isCancelled();
  }

  synchronized boolean isComplete() {
    return missing == 0;
  }

  synchronized void throwFailure() throws Exception {
    if (failure != null) {
      throw failure;
    }
    if (job.isCancelled()) {
      throw new FailedException(Kind.CANCELLED, "cancelled", "");
    }
  }

  /** Wants no task any more: those that run are told so. */
  void end() {
    List<Link> open;
    synchronized (this) {
      ended = true;
      open = List.copyOf(links);
    }
    for (Link link : open) {
      try {
        link.writer().write(Link.STOP);
      } catch (IOException e) {
        link.close();
      }
    }
  }

  /** Until no task is connected any more; tells of those that vanished. */
  void awaitLinks() throws IOException, InterruptedException {
    List<Attempt> lost;
    synchronized (this) {
      long end = System.nanoTime() + LINKS_MILLIS * 1_000_000;
      while (!links.isEmpty() && System.nanoTime() < end) {
        wait(NEWS_MILLIS);
      }
      lost = List.copyOf(vanished);
    }
    if (!lost.isEmpty()) {
      Thread.sleep(VANISHED_MILLIS);
    }
    for (Attempt attempt : lost) {
      leat.lost(attempt.stage, attempt.task, attempt.number);
    }
  }

  /** The result. */
  void giveRows() throws IOException {
    for (Task task : tasks[job.last().number]) {
      Spool.Reader rows = task.rows.read();
      for (ByteBuffer batch = rows.next(); batch != null; batch = rows.next()) {
        leat.rows(batch);
      }
      task.rows.close();
    }
  }

  /** Forgets the result. */
  @Override
  public void close() throws IOException {
    for (Task[] stage : tasks) {
      for (Task task : stage) {
        if (task.rows != null) {
          task.rows.close();
        }
      }
    }
  }
}
