package leat.jvm;

import java.io.IOException;

/**
 * The other side speaks another version of the protocol, or was built for another machine. Trying
 * again does not help.
 */
public final class VersionException extends IOException {
  private static final long serialVersionUID = 1;

  VersionException(String message) {
    super(message);
  }

  VersionException(String program, int version) {
    super(
        "Leat "
            + program
            + " speaks version "
            + Integer.toUnsignedString(version)
            + " of the protocol, this host version "
            + Frame.VERSION);
  }
}
