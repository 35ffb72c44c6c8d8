package leat.jvm;

import java.nio.charset.StandardCharsets;

/**
 * A worker told an error of the query (an ERROR frame): it would come again, so that the whole job
 * ends with it. The worker is well.
 */
public final class WorkerErrorException extends Exception {
  private static final long serialVersionUID = 1;

  private final byte[] frame;

  public WorkerErrorException(byte[] frame) {
    super("the query has an error: " + printable(frame));
    this.frame = frame;
  }

  /** The whole frame, to be handed on. */
  public byte[] frame() {
    return frame;
  }

  /* The frame's texts are Leat's business; for a log, what can be read of them is enough. */
  private static String printable(byte[] frame) {
    return new String(frame, StandardCharsets.UTF_8).replaceAll("[^\\p{Graph} ]+", " ").strip();
  }
}
