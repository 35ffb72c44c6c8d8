package leat.hadoop;

import leat.jvm.DriverConnection;

/** The driver: arguments are {@code --master ADDRESS --worker FILE [--config FILE] [--tasks N]}. */
public final class Main {
  static final String VERSION = "leat-hadoop 1";

  private Main() {}

  /** Runs the driver on standard input and output. */
  public static void main(String[] arguments) {
    String master = "yarn";
    String worker = null;
    String config = null;
    int tasks = 0;
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      switch (arguments[i]) {
        case "--master" -> master = arguments[i + 1];
        case "--worker" -> worker = arguments[i + 1];
        case "--config" -> config = arguments[i + 1];
        case "--tasks" -> tasks = Integer.parseInt(arguments[i + 1]);
        default -> throw new IllegalArgumentException("unknown argument " + arguments[i]);
      }
    }
    if (worker == null) {
      throw new IllegalArgumentException("--worker FILE is missing");
    }
    DriverConnection.main(new HadoopHost(master, worker, config, tasks), VERSION);
  }
}
