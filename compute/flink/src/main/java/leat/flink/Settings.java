package leat.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import leat.jvm.FailedException;

/**
 * The driver's settings (flink_config.yaml): lines `name: value`, and below a line `flink:`
 * indented ones that are Flink's own, for the job.
 */
final class Settings {
  String driverHost = "";
  int driverPort;
  int connectTimeout = 20;
  int lostTimeout = 10;
  int slotsTimeout = 120;
  int attempts = 3;
  long spoolMemory = 16 << 20;
  final Map<String, String> flink = new TreeMap<>();

  static Settings read(String file) throws FailedException {
    Settings settings = new Settings();
    if (file == null) {
      return settings;
    }
    String text;
    try {
      text = Files.readString(Path.of(file));
    } catch (IOException e) {
      throw new FailedException(
          FailedException.Kind.DOES_NOT_FIT, "the configuration " + file + " cannot be read", "");
    }
    int number = 0;
    boolean ofFlink = false;
    for (String line : text.lines().toList()) {
      number++;
      String content = line.replaceAll("(^|\\s)#.*", "");
      if (content.isBlank()) {
        continue;
      }
      int colon = content.indexOf(": ");
      String name = (colon < 0 ? content.replaceAll(":\\s*$", "") : content.substring(0, colon));
      String value = colon < 0 ? "" : content.substring(colon + 1).strip();
      value = value.replaceAll("^\"(.*)\"$|^'(.*)'$", "$1$2");
      boolean indented = Character.isWhitespace(content.charAt(0));
      ofFlink = indented ? ofFlink : name.equals("flink");
      try {
        if (indented && ofFlink) {
          settings.flink.put(name.strip(), value);
        } else if (indented || !ofFlink) {
          settings.set(name, value);
        }
      } catch (IllegalArgumentException e) {
        throw new FailedException(
            FailedException.Kind.DOES_NOT_FIT,
            "line " + number + " of the configuration " + file + ": " + e.getMessage(),
            "the settings are driver_host, driver_port, connect_timeout, lost_timeout,"
                + " slots_timeout, attempts, spool_memory, and those below flink:");
      }
    }
    return settings;
  }

  private void set(String name, String value) {
    switch (name) {
      case "driver_host" -> driverHost = value;
      case "driver_port" -> driverPort = number(name, value, 0);
      case "connect_timeout" -> connectTimeout = number(name, value, 1);
      case "lost_timeout" -> lostTimeout = number(name, value, 1);
      case "slots_timeout" -> slotsTimeout = number(name, value, 1);
      case "attempts" -> attempts = number(name, value, 1);
      case "spool_memory" -> spoolMemory = number(name, value, 0);
      default -> throw new IllegalArgumentException("there is no setting " + name);
    }
  }

  private static int number(String name, String value, int least) {
    try {
      int number = Integer.parseInt(value);
      if (number >= least) {
        return number;
      }
    } catch (NumberFormatException e) {
      // As one that is too small.
    }
    throw new IllegalArgumentException(name + " must be a number from " + least);
  }
}
