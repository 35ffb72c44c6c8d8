package leat.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpoolTest {
  @TempDir Path folder;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<String> all(Spool spool) throws Exception {
    List<String> texts = new ArrayList<>();
    Spool.Reader reader = spool.read();
    for (ByteBuffer batch = reader.next(); batch != null; batch = reader.next()) {
      texts.add(StandardCharsets.UTF_8.decode(batch).toString());
    }
    return texts;
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 7, 1000})
  void batchesComeInTheOrderOfTheirGivers(long limit) throws Exception {
    try (Spool spool = new Spool(folder, limit)) {
      spool.add(2, bytes("2a"));
      spool.add(0, bytes("0a longer"));
      spool.add(2, bytes("2b"));
      spool.add(1, bytes(""));
      spool.add(0, bytes("0b"));
      List<String> expected = List.of("0a longer", "0b", "", "2a", "2b");
      assertEquals(expected, all(spool));
      assertEquals(expected, all(spool)); // an input may be read again
    }
  }

  @Test
  void fileHasNoName() throws Exception {
    try (Spool spool = new Spool(folder, 0)) {
      spool.add(0, bytes("some"));
      try (var files = Files.list(folder)) {
        assertEquals(0, files.count());
      }
    }
  }

  @Test
  void nothingWasAdded() throws Exception {
    try (Spool spool = new Spool(folder, 10)) {
      assertEquals(List.of(), all(spool));
    }
  }
}
