package leat.jvm;

import java.io.IOException;

/** An input could not be read: the cause says why. The worker was killed; it is not its fault. */
public final class InputException extends IOException {
  private static final long serialVersionUID = 1;

  InputException(Throwable cause) {
    super("an input could not be read: " + cause, cause);
  }
}
