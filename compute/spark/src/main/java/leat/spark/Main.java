package leat.spark;

import leat.jvm.DriverConnection;

/** The driver's program, started by spark-submit: `--worker FILE [--tasks N]`. */
public final class Main {
  static final String VERSION = "Spark host 1";

  private Main() {}

  public static void main(String[] args) {
    String worker = null;
    int tasks = 0;
    for (int i = 0; i + 1 < args.length; i += 2) {
      switch (args[i]) {
        case "--worker" -> worker = args[i + 1];
        case "--tasks" -> tasks = Integer.parseInt(args[i + 1]);
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
    if (worker == null) {
      throw new IllegalArgumentException("needs --worker FILE");
    }
    DriverConnection.main(new SparkHost(worker, tasks), VERSION);
  }
}
