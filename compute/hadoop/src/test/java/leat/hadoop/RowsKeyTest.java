package leat.hadoop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class RowsKeyTest {
  private static byte[] written(RowsKey key) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    key.write(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }

  @Test
  void theOrderIsInputThenTaskThenSequenceAsBytesToo() throws IOException {
    RowsKey[] keys = {
      new RowsKey().set(0, 0, 0, 5),
      new RowsKey().set(0, 0, 1, 0),
      new RowsKey().set(0, 0, 256, 0),
      new RowsKey().set(0, 1, 0, 0),
      new RowsKey().set(1, 0, 0, 0)
    };
    RowsKey.Comparator comparator = new RowsKey.Comparator();
    for (int i = 0; i < keys.length; i++) {
      for (int j = 0; j < keys.length; j++) {
        int want = Integer.compare(i, j);
        assertEquals(want, Integer.signum(keys[i].compareTo(keys[j])));
        assertEquals(
            want,
            Integer.signum(
                comparator.compare(
                    written(keys[i]), 0, RowsKey.SIZE, written(keys[j]), 0, RowsKey.SIZE)));
      }
    }
  }

  @Test
  void aKeyIsReadAsItWasWritten() throws IOException {
    RowsKey key = new RowsKey().set(1, 2, 3, Integer.MAX_VALUE);
    RowsKey read = new RowsKey();
    read.readFields(new DataInputStream(new ByteArrayInputStream(written(key))));
    assertEquals(key, read);
  }
}
