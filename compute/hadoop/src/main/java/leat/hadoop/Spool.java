package leat.hadoop;

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
import leat.jvm.Inputs;

/** Batches of several inputs in a local file that nobody else sees; each input is read in order. */
final class Spool implements Closeable {
  private record Piece(long offset, int length) {}

  private final List<List<Piece>> inputs = new ArrayList<>();
  private FileChannel file;
  private long end;

  Spool(int inputs) {
    for (int i = 0; i < inputs; i++) {
      this.inputs.add(new ArrayList<>());
    }
  }

  void append(int input, byte[] bytes, int length) throws IOException {
    if (input < 0 || input >= inputs.size()) {
      throw new IOException("rows for input " + input + " of " + inputs.size());
    }
    if (file == null) {
      Path path = Files.createTempFile("leat-", ".rows");
      file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      Files.deleteIfExists(path); // open still
    }
    ByteBuffer left = ByteBuffer.wrap(bytes, 0, length);
    inputs.get(input).add(new Piece(end, length));
    while (left.hasRemaining()) {
      end += file.write(left, end);
    }
  }

  Inputs.Batches open(int input) {
    List<Piece> pieces = inputs.get(input);
    return new Inputs.Batches() {
      private int at;
      private ByteBuffer buffer = ByteBuffer.allocate(0);

      @Override
      public ByteBuffer next() throws IOException {
        if (at == pieces.size()) {
          return null;
        }
        Piece piece = pieces.get(at++);
        if (buffer.capacity() < piece.length()) {
          buffer = ByteBuffer.allocate(piece.length());
        }
        buffer.clear().limit(piece.length());
        while (buffer.hasRemaining()) {
          if (file.read(buffer, piece.offset() + buffer.position()) < 0) {
            throw new EOFException("the file of rows was cut");
          }
        }
        return buffer.flip();
      }
    };
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
