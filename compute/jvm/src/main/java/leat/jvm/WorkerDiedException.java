package leat.jvm;

import java.io.IOException;

/**
 * A worker ended, or spoke nonsense and was killed. The attempt is lost; the task may be tried
 * again.
 */
public final class WorkerDiedException extends IOException {
  private static final long serialVersionUID = 1;

  private final int exitCode;

  WorkerDiedException(String how, int exitCode, Throwable cause) {
    super(how, cause);
    this.exitCode = exitCode;
  }

  /** 128 and more: ended by signal number exitCode - 128; -1: killed because of what it sent. */
  public int exitCode() {
    return exitCode;
  }

  String how() {
    return describe(exitCode);
  }

  /** "ended with exit code 3", "was ended by signal 11 (SIGSEGV)". */
  static String describe(int exitCode) {
    if (exitCode <= 128) {
      return "ended with exit code " + exitCode;
    }
    String name =
        switch (exitCode - 128) {
          case 4 -> " (SIGILL)";
          case 6 -> " (SIGABRT)";
          case 7 -> " (SIGBUS)";
          case 8 -> " (SIGFPE)";
          case 9 -> " (SIGKILL, often because memory ran out)";
          case 11 -> " (SIGSEGV)";
          case 15 -> " (SIGTERM)";
          default -> "";
        };
    return "was ended by signal " + (exitCode - 128) + name;
  }
}
