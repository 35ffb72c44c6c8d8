package leat.hadoop;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import leat.jvm.Inputs;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.BytesWritable;
import org.apache.hadoop.io.IntWritable;
import org.apache.hadoop.io.SequenceFile;

/**
 * Rows in a folder: a sequence file of partitions and batches, in the order in which they were put
 * out, and an index of where each batch lies, so that who reads one partition reads no more.
 */
final class StoredRows {
  static final int ALL_PARTITIONS = -1;

  private StoredRows() {}

  /** Writes a folder's rows. Without a batch there are no files. */
  static final class Writer implements Closeable {
    private final FileSystem files;
    private final Configuration configuration;
    private final Path folder;
    private final IntWritable key = new IntWritable();
    private final BytesWritable value = new BytesWritable();
    private SequenceFile.Writer rows;
    private FSDataOutputStream index;

    Writer(FileSystem files, Configuration configuration, Path folder) {
      this.files = files;
      this.configuration = configuration;
      this.folder = folder;
    }

    void append(int partition, ByteBuffer batch) throws IOException {
      if (rows == null) {
        rows =
            SequenceFile.createWriter(
                configuration,
                SequenceFile.Writer.file(files.makeQualified(new Path(folder, "rows"))),
                SequenceFile.Writer.keyClass(IntWritable.class),
                SequenceFile.Writer.valueClass(BytesWritable.class),
                SequenceFile.Writer.compression(SequenceFile.CompressionType.NONE));
        index = files.create(new Path(folder, "index"), true);
      }
      index.writeInt(partition);
      index.writeLong(rows.getLength());
      key.set(partition);
      value.set(batch.array(), batch.arrayOffset() + batch.position(), batch.remaining());
      rows.append(key, value);
    }

    @Override
    public void close() throws IOException {
      if (rows != null) {
        try (FSDataOutputStream closed = index) {
          rows.close();
        }
      }
    }
  }

  /** Reads one partition, or all, of several folders, one after the other. */
  static final class Reader implements Inputs.Batches {
    private final FileSystem files;
    private final Configuration configuration;
    private final Iterator<Path> folders;
    private final int partition;
    private final IntWritable key = new IntWritable();
    private final BytesWritable value = new BytesWritable();
    private SequenceFile.Reader rows;
    private FSDataInputStream index;

    Reader(FileSystem files, Configuration configuration, List<Path> folders, int partition) {
      this.files = files;
      this.configuration = configuration;
      this.folders = folders.iterator();
      this.partition = partition;
    }

    @Override
    public ByteBuffer next() throws IOException {
      for (; ; ) {
        if (rows == null && !open()) {
          return null;
        }
        if (advance()) {
          return ByteBuffer.wrap(value.getBytes(), 0, value.getLength());
        }
        close();
      }
    }

    private boolean open() throws IOException {
      while (folders.hasNext()) {
        Path folder = folders.next();
        if (!files.exists(new Path(folder, "rows"))) {
          continue;
        }
        rows =
            new SequenceFile.Reader(
                configuration,
                SequenceFile.Reader.file(files.makeQualified(new Path(folder, "rows"))));
        index = files.open(new Path(folder, "index"));
        return true;
      }
      return false;
    }

    private boolean advance() throws IOException {
      if (partition == ALL_PARTITIONS) {
        return rows.next(key, value);
      }
      for (; ; ) {
        int found;
        try {
          found = index.readInt();
        } catch (EOFException e) {
          return false;
        }
        long position = index.readLong();
        if (found == partition) {
          if (rows.getPosition() != position) {
            rows.seek(position);
          }
          return rows.next(key, value);
        }
      }
    }

    @Override
    public void close() throws IOException {
      if (rows != null) {
        rows.close();
        index.close();
      }
      rows = null;
    }
  }
}
