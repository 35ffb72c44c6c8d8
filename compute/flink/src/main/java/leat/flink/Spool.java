package leat.flink;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Batches that came from several givers at once, to be read giver after giver: in memory up to a
 * limit, then in a file without a name, which ends with this process whatever happens to it. All of
 * it is written, then read; one thread at a time.
 */
final class Spool implements Closeable {
  /** A batch: in memory, or a place in the file. */
  private record Piece(byte[] bytes, long offset, int length) {}

  private final Path folder;
  private final long limit;
  private final TreeMap<Integer, List<Piece>> pieces = new TreeMap<>();
  private long inMemory;
  private long inFile;
  private FileChannel file;

  /**
   * @param folder for the file
   * @param limit bytes that may stay in memory
   */
  Spool(Path folder, long limit) {
    this.folder = folder;
    this.limit = limit;
  }

  /** The bytes are kept, not copied. */
  void add(int giver, byte[] bytes) throws IOException {
    Piece piece;
    if (inMemory + bytes.length <= limit) {
      inMemory += bytes.length;
      piece = new Piece(bytes, 0, bytes.length);
    } else {
      if (file == null) {
        file = openNameless();
      }
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      long offset = inFile;
      while (buffer.hasRemaining()) {
        inFile += file.write(buffer, inFile);
      }
      piece = new Piece(null, offset, bytes.length);
    }
    pieces.computeIfAbsent(giver, g -> new ArrayList<>()).add(piece);
  }

  private FileChannel openNameless() throws IOException {
    Path path = Files.createTempFile(folder, "leat-", null);
    try {
      return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } finally {
      Files.delete(path);
    }
  }

  /** All batches: in the order of their givers, of each in the order in which they came. */
  Reader read() {
    return new Reader(pieces.values().stream().flatMap(List::stream).toList());
  }

  /** The next batch with an array, good until the next call; null at the end. */
  final class Reader {
    private final List<Piece> all;
    private int at;
    private byte[] buffer = new byte[0];

    private Reader(List<Piece> all) {
      this.all = all;
    }

    ByteBuffer next() throws IOException {
      if (at == all.size()) {
        return null;
      }
      Piece piece = all.get(at++);
      if (piece.bytes != null) {
        return ByteBuffer.wrap(piece.bytes);
      }
      if (buffer.length < piece.length) {
        buffer = new byte[piece.length];
      }
      ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, piece.length);
      while (bytes.hasRemaining()) {
        if (file.read(bytes, piece.offset + bytes.position()) < 0) {
          throw new EOFException("a scratch file is shorter than what was written");
        }
      }
      return bytes.flip();
    }
  }

  @Override
  public void close() throws IOException {
    pieces.clear();
    if (file != null) {
      file.close();
      file = null;
    }
  }
}
