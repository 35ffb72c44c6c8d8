package leat.hadoop;

import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import leat.jvm.Job;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;

/**
 * The folder of a job of Leat on the cluster's file system; removed when the job has ended.
 *
 * <pre>
 *   fragments                   what tasks run
 *   begun/STAGE-TASK-ATTEMPT    empty: this attempt was begun
 *   attempts/STAGE-TASK-ATTEMPT what an attempt writes: told, rows, index
 *   done/STAGE-TASK             the same of the attempt that won, renamed
 *   errors/STAGE-TASK-ATTEMPT   why the whole job must end
 *   failures/STAGE-TASK-ATTEMPT how the attempt's worker died
 * </pre>
 */
final class Folder {
  /** A task's attempt. */
  record Attempt(int stage, int task, int number) {
    @Override
    public String toString() {
      return stage + "-" + task + "-" + number;
    }

    static Attempt parse(String name) {
      String[] words = name.split("-");
      return new Attempt(
          Integer.parseInt(words[0]), Integer.parseInt(words[1]), Integer.parseInt(words[2]));
    }
  }

  /** Of the attempt that won. */
  record Told(int attempt, byte[] frames) {}

  private static final int LIMIT = 1 << 30;
  private static final int BUFFER = 1 << 16;
  private static final long FRAGMENT_ENTRY = 20;

  private final Path root;
  private final Configuration configuration;
  private final FileSystem files;
  private final FileContext names;

  Folder(Path root, Configuration configuration) throws IOException {
    this.root = root;
    this.configuration = configuration;
    this.files = root.getFileSystem(configuration);
    this.names = FileContext.getFileContext(files.getUri(), configuration);
  }

  void create() throws IOException {
    for (String name : List.of("begun", "attempts", "done", "errors", "failures")) {
      if (!files.mkdirs(new Path(root, name))) {
        throw new IOException("the folder " + root + " cannot be made");
      }
    }
  }

  void remove() throws IOException {
    files.delete(root, true);
  }

  /** Fragments of all stages, one behind the other, with a table of where each one lies. */
  void putFragments(Job job) throws IOException {
    try (FSDataOutputStream out = files.create(new Path(root, "fragments"), true)) {
      int count = job.stages.stream().mapToInt(stage -> stage.fragments.length).sum();
      long position = 4 + count * FRAGMENT_ENTRY;
      out.writeInt(count);
      for (Job.Stage stage : job.stages) {
        for (int task = 0; task < stage.fragments.length; task++) {
          out.writeInt(stage.number);
          out.writeInt(task);
          out.writeLong(position);
          out.writeInt(stage.fragments[task].length);
          position += stage.fragments[task].length;
        }
      }
      for (Job.Stage stage : job.stages) {
        for (byte[] fragment : stage.fragments) {
          out.write(fragment);
        }
      }
    }
  }

  byte[] fragment(int stage, int task) throws IOException {
    try (FSDataInputStream in = files.open(new Path(root, "fragments"))) {
      for (int left = in.readInt(); left > 0; left--) {
        boolean found = in.readInt() == stage & in.readInt() == task;
        long position = in.readLong();
        int length = in.readInt();
        if (found) {
          byte[] fragment = new byte[length];
          in.readFully(position, fragment);
          return fragment;
        }
      }
    }
    throw new IOException("task " + task + " of stage " + stage + " has no fragment");
  }

  void begin(Attempt attempt) throws IOException {
    write(new Path(root, "begun/" + attempt), new byte[0]);
    files.mkdirs(attemptPath(attempt));
  }

  List<Attempt> begun() throws IOException {
    List<Attempt> attempts = new ArrayList<>();
    for (FileStatus status : list("begun")) {
      attempts.add(Attempt.parse(status.getPath().getName()));
    }
    return attempts;
  }

  Path attemptPath(Attempt attempt) {
    return new Path(root, "attempts/" + attempt);
  }

  boolean isWritten(Attempt attempt) throws IOException {
    return files.exists(new Path(attemptPath(attempt), "told"));
  }

  void putTold(Attempt attempt, byte[] frames) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(4 + frames.length);
    write(
        new Path(attemptPath(attempt), "told"), bytes.putInt(attempt.number()).put(frames).array());
  }

  StoredRows.Writer rowsWriter(Path folder) throws IOException {
    return new StoredRows.Writer(files, configuration, folder);
  }

  Path donePath(int stage, int task) {
    return new Path(root, "done/" + stage + "-" + task);
  }

  StoredRows.Reader rowsReader(int stage, int tasks, int partition) {
    List<Path> folders = new ArrayList<>();
    for (int task = 0; task < tasks; task++) {
      folders.add(donePath(stage, task));
    }
    return new StoredRows.Reader(files, configuration, folders, partition);
  }

  /** The attempt wins. One of its task that had won before (its machine was lost) has not. */
  void commit(Attempt attempt) throws IOException {
    Path done = donePath(attempt.stage(), attempt.task());
    files.delete(done, true);
    names.rename(attemptPath(attempt), done, Options.Rename.NONE);
  }

  void discard(Attempt attempt) throws IOException {
    files.delete(attemptPath(attempt), true);
  }

  /** Of a task that won; null if none of its attempts did. */
  Told told(int stage, int task) throws IOException {
    byte[] bytes;
    try {
      bytes = read(new Path(donePath(stage, task), "told"));
    } catch (FileNotFoundException e) {
      return null;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    int attempt = buffer.getInt();
    byte[] frames = new byte[buffer.remaining()];
    buffer.get(frames);
    return new Told(attempt, frames);
  }

  /** The whole job must end with this. It is seen at once, and wholly. */
  void putError(Attempt attempt, byte[] error) throws IOException {
    Path hidden = new Path(root, "attempts/" + attempt + ".error");
    write(hidden, error);
    names.rename(hidden, new Path(root, "errors/" + attempt), Options.Rename.OVERWRITE);
  }

  /** The first error that is there, or null. */
  byte[] error() throws IOException {
    FileStatus[] errors = list("errors");
    return errors.length == 0 ? null : read(errors[0].getPath());
  }

  void putFailure(Attempt attempt, String how) throws IOException {
    write(new Path(root, "failures/" + attempt), how.getBytes(StandardCharsets.UTF_8));
  }

  /** How a worker died, of the attempt that failed last; null if none did. */
  String failure() throws IOException {
    FileStatus last = null;
    for (FileStatus status : list("failures")) {
      if (last == null || status.getModificationTime() > last.getModificationTime()) {
        last = status;
      }
    }
    return last == null ? null : new String(read(last.getPath()), StandardCharsets.UTF_8);
  }

  private FileStatus[] list(String name) throws IOException {
    return files.listStatus(new Path(root, name));
  }

  private void write(Path path, byte[] bytes) throws IOException {
    // An attempt that is late must not bring back the folder of a job that has ended.
    try (FSDataOutputStream out =
        files.createNonRecursive(
            path,
            true,
            BUFFER,
            files.getDefaultReplication(path),
            files.getDefaultBlockSize(path),
            null)) {
      out.write(bytes);
    }
  }

  private byte[] read(Path path) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    byte[] piece = new byte[1 << 16];
    try (FSDataInputStream in = files.open(path)) {
      for (int got = in.read(piece); got >= 0; got = in.read(piece)) {
        bytes.write(piece, 0, got);
        if (bytes.size() > LIMIT) {
          throw new IOException(path + " is larger than " + LIMIT + " bytes");
        }
      }
    }
    return bytes.toByteArray();
  }
}
