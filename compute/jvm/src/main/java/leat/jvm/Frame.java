package leat.jvm;

/** Kinds of frames and the limits of the protocol (compute/hosts/PROTOCOL.md). */
public final class Frame {
  public static final int HELLO = 1;
  public static final int FRAGMENT = 2;
  public static final int INPUT = 3;
  public static final int INPUT_END = 4;
  public static final int WANT = 5;
  public static final int OUTPUT = 6;
  public static final int RECEIPT = 7;
  public static final int BAD_ROW = 8;
  public static final int PROGRESS = 9;
  public static final int ERROR = 10;
  public static final int DONE = 11;
  public static final int READY = 20;
  public static final int JOB = 21;
  public static final int TASK = 22;
  public static final int GIVEN = 23;
  public static final int GO = 24;
  public static final int CANCEL = 25;
  public static final int WON = 26;
  public static final int LOST = 27;
  public static final int ROWS = 28;
  public static final int NOTE = 29;
  public static final int FAILED = 30;

  /** "LEAT" as a little-endian number: the first word of a greeting. */
  public static final int MAGIC = 0x5441454c;

  public static final int VERSION = 2;
  public static final int MAX_PAYLOAD = 1 << 30;

  /** What a frame has around its payload: length before it, checksum after it. */
  public static final int OVERHEAD = 8;

  private Frame() {}
}
