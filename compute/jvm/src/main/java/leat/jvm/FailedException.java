package leat.jvm;

/** A job, or the connection with the cluster, failed for what is the host's: a FAILED frame. */
public final class FailedException extends Exception {
  private static final long serialVersionUID = 1;

  /** Kinds in the order of their numbers, which begin with 1. */
  public enum Kind {
    WORKER_DIED,
    NO_CLUSTER,
    DOES_NOT_FIT,
    HOST,
    CANCELLED,
    MEMORY;

    public int number() {
      return ordinal() + 1;
    }
  }

  private final Kind kind;
  private final String hint;

  public FailedException(Kind kind, String message, String hint) {
    this(kind, message, hint, null);
  }

  public FailedException(Kind kind, String message, String hint, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.hint = hint;
  }

  public Kind kind() {
    return kind;
  }

  /** What to do next. */
  public String hint() {
    return hint;
  }
}
