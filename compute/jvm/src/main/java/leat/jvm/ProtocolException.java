package leat.jvm;

import java.io.IOException;

/** What came is not a frame, or not one that may come here. It ends the conversation. */
public final class ProtocolException extends IOException {
  private static final long serialVersionUID = 1;

  public ProtocolException(String message) {
    super(message);
  }
}
