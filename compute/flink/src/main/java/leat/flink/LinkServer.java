package leat.flink;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import leat.jvm.FrameReader;

/** The driver's side of {@link Link}: a thread for each connection. */
final class LinkServer implements Closeable {
  /** Serves a connection that was opened, until it has ended. */
  interface Handler {
    void serve(Link link, String secret, int who, int stage, int task) throws IOException;
  }

  private static final int BACKLOG = 1000;

  private final ServerSocket socket;
  private final Handler handler;

  LinkServer(InetAddress address, int port, Handler handler) throws IOException {
    this.socket = new ServerSocket(port, BACKLOG, address);
    this.handler = handler;
    start("leat-links", this::accept);
  }

  String address() {
    return socket.getInetAddress().getHostAddress();
  }

  int port() {
    return socket.getLocalPort();
  }

  private static void start(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  private void accept() {
    while (!socket.isClosed()) {
      try {
        Socket accepted = socket.accept();
        start("leat-link", () -> serve(accepted));
      } catch (IOException e) {
        // Closed, or one that went away at once.
      }
    }
  }

  private void serve(Socket accepted) {
    try (accepted;
        Link link = new Link(accepted)) {
      link.reader().hello();
      FrameReader open = link.expect(Link.OPEN);
      handler.serve(link, open.string(), open.u32(), open.u32(), open.u32());
    } catch (IOException e) {
      // Whoever it was has been told by its end.
    } catch (RuntimeException e) {
      e.printStackTrace();
    }
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
