package leat.hadoop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import leat.jvm.Inputs;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredRowsTest {
  @TempDir File work;

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> all(Inputs.Batches batches) throws Exception {
    List<String> texts = new ArrayList<>();
    try (batches) {
      for (ByteBuffer batch = batches.next(); batch != null; batch = batches.next()) {
        texts.add(StandardCharsets.UTF_8.decode(batch.duplicate()).toString());
      }
    }
    return texts;
  }

  @Test
  void aPartitionIsReadInTheOrderOfTasksAndOfTheirRows() throws Exception {
    Configuration configuration = new Configuration(false);
    FileSystem files = FileSystem.getLocal(configuration);
    List<Path> folders = new ArrayList<>();
    for (int task = 0; task < 3; task++) {
      Path folder = new Path(work.getPath(), "task" + task);
      folders.add(folder);
      try (StoredRows.Writer writer = new StoredRows.Writer(files, configuration, folder)) {
        for (int i = 0; task != 1 && i < 5; i++) { // task 1 puts nothing out
          writer.append(i % 2, bytes(task + "." + i));
        }
      }
    }
    assertEquals(
        List.of("0.0", "0.2", "0.4", "2.0", "2.2", "2.4"),
        all(new StoredRows.Reader(files, configuration, folders, 0)));
    assertEquals(
        List.of("0.1", "0.3", "2.1", "2.3"),
        all(new StoredRows.Reader(files, configuration, folders, 1)));
    assertEquals(List.of(), all(new StoredRows.Reader(files, configuration, folders, 7)));
    assertEquals(
        10,
        all(new StoredRows.Reader(files, configuration, folders, StoredRows.ALL_PARTITIONS))
            .size());
  }

  @Test
  void anInputOfTheSpoolIsReadInOrderAndAgain() throws Exception {
    try (Spool spool = new Spool(3)) {
      for (int i = 0; i < 4; i++) {
        byte[] padded = ("row " + i + "padding").getBytes(StandardCharsets.UTF_8);
        spool.append(i % 2, padded, 5);
      }
      assertEquals(List.of("row 1", "row 3"), all(spool.open(1)));
      assertEquals(List.of("row 0", "row 2"), all(spool.open(0)));
      assertEquals(List.of("row 0", "row 2"), all(spool.open(0)));
      assertEquals(List.of(), all(spool.open(2)));
      assertThrows(IOException.class, () -> spool.append(3, new byte[1], 1));
    }
  }
}
