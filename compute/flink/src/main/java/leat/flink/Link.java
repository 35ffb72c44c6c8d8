package leat.flink;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import leat.jvm.FrameReader;
import leat.jvm.FrameWriter;
import leat.jvm.ProtocolException;

/**
 * What a job in the cluster has to say to its driver, by a connection of its own: frames, after a
 * greeting that names the job by a secret number. All kinds of it:
 *
 * <pre>
 *   OPEN     string secret, u32 who: one of the numbers below, u32 stage, u32 task
 *   PLAN     to the submission: a {@link Plan}; then PIECE: of the packed worker; then END
 *   START    to a task: u32 the attempt's number
 *   STOP     to a task, at any time, as the end of the connection: nobody wants the attempt any more
 *   ROWS     from a task: rows of the result; to a given stage: its rows, then END
 *   WON      from a task: told frames. It has ended; answered by END when the driver has it all
 *   ERROR    from a task: the worker's frame, whole
 *   DIED     from a task: u8 kind of failure, string reason: its worker is gone
 *   GONE     from a task: its worker is gone, as nobody wanted it any more
 * </pre>
 */
final class Link implements Closeable {
  static final int OPEN = 64;
  static final int PLAN = 65;
  static final int PIECE = 66;
  static final int END = 67;
  static final int START = 68;
  static final int STOP = 69;
  static final int DIED = 70;
  static final int GONE = 71;

  static final int SUBMISSION = 0;
  static final int TASK = 1;
  static final int GIVEN = 2;

  private static final int CONNECT_MILLIS = 20_000;

  /** Where the driver is, and the job's secret. */
  record Address(String host, int port, String secret) implements Serializable {}

  private final Socket socket;
  private final FrameReader reader;
  private final FrameWriter writer;

  Link(Socket socket) throws IOException {
    this.socket = socket;
    socket.setTcpNoDelay(true);
    socket.setKeepAlive(true);
    reader = new FrameReader(new BufferedInputStream(socket.getInputStream(), 1 << 16));
    writer = new FrameWriter(socket.getOutputStream());
  }

  static Link open(Address address, int who, int stage, int task) throws IOException {
    Socket socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(address.host(), address.port()), CONNECT_MILLIS);
      Link link = new Link(socket);
      link.writer.hello("leat flink");
      byte[] secret = new FrameWriter.Body().string(address.secret()).bytes();
      byte[] rest = new FrameWriter.Body().u32(who).u32(stage).u32(task).bytes();
      ByteBuffer body = ByteBuffer.allocate(secret.length + rest.length).put(secret).put(rest);
      link.writer.write(OPEN, body.flip());
      return link;
    } catch (IOException e) {
      socket.close();
      throw new IOException(
          "the driver at " + address.host() + ":" + address.port() + " cannot be reached: " + e, e);
    }
  }

  FrameWriter writer() {
    return writer;
  }

  /** Reads the next frame, which must be there. */
  FrameReader next() throws IOException {
    if (!reader.next()) {
      throw new EOFException("the other side is gone");
    }
    return reader;
  }

  FrameReader expect(int kind) throws IOException {
    next();
    if (reader.kind() != kind) {
      throw new ProtocolException("a frame of kind " + reader.kind() + " instead of " + kind);
    }
    return reader;
  }

  FrameReader reader() {
    return reader;
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed either way.
    }
  }
}
