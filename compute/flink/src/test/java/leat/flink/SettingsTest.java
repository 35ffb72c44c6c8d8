package leat.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import leat.jvm.FailedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
  @TempDir Path folder;

  private Settings read(String text) throws Exception {
    Path file = folder.resolve("flink_config.yaml");
    Files.writeString(file, text);
    return Settings.read(file.toString());
  }

  @Test
  void settingsAndThoseOfFlink() throws Exception {
    Settings settings =
        read(
            """
            # a comment
            attempts: 5   # another
            driver_host: "here#1"
            flink:
              execution.batch.speculative.enabled: true
              pipeline.name: 'x: y'
            connect_timeout: 7
            """);
    assertEquals(5, settings.attempts);
    assertEquals("here#1", settings.driverHost);
    assertEquals(7, settings.connectTimeout);
    assertEquals(
        Map.of("execution.batch.speculative.enabled", "true", "pipeline.name", "x: y"),
        settings.flink);
  }

  @Test
  void theProjectsOwnFileHasTheDefaults() throws Exception {
    Settings settings = Settings.read("flink_config.yaml");
    Settings defaults = Settings.read(null);
    assertEquals(defaults.attempts, settings.attempts);
    assertTrue(settings.flink.isEmpty());
  }

  @Test
  void wrongOnesAreNamed() {
    for (String text :
        new String[] {"retries: 3", "attempts: many", "attempts: 0", "  indented: 1", "attempts"}) {
      FailedException e = assertThrows(FailedException.class, () -> read("\n" + text));
      assertEquals(FailedException.Kind.DOES_NOT_FIT, e.kind());
      assertTrue(e.getMessage().contains("line 2"), e.getMessage());
    }
    assertThrows(FailedException.class, () -> Settings.read("/does/not/exist"));
  }
}
