package leat.jvm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FrameTest {
  private static byte[] frame(int kind, byte[] body, int... words) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new FrameWriter(out).write(kind, ByteBuffer.wrap(body), words);
    return out.toByteArray();
  }

  private static FrameReader reader(byte[] bytes) {
    return new FrameReader(new ByteArrayInputStream(bytes));
  }

  @Test
  void bytesAreAsTheProtocolSays() throws IOException {
    // Length 5, kind 4, u32 7, zlib's CRC-32 of those five bytes.
    assertArrayEquals(
        new byte[] {5, 0, 0, 0, 4, 7, 0, 0, 0, 0x64, 0x69, 0x75, (byte) 0xae},
        frame(Frame.INPUT_END, new byte[0], 7));
  }

  @Test
  void whatIsWrittenIsRead() throws IOException {
    Random random = new Random(1);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int[] sizes = {0, 1, 65_500, 65_536, 3_000_000, 9_000_000, 5};
    byte[][] bodies = new byte[sizes.length][];
    for (int i = 0; i < sizes.length; i++) {
      bodies[i] = new byte[sizes[i]];
      random.nextBytes(bodies[i]);
      all.writeBytes(frame(Frame.INPUT, bodies[i], i));
    }
    FrameReader in = reader(all.toByteArray());
    for (int i = 0; i < sizes.length; i++) {
      assertTrue(in.next());
      assertEquals(Frame.INPUT, in.kind());
      assertArrayEquals(frame(Frame.INPUT, bodies[i], i), in.whole());
      assertEquals(i, in.u32());
      assertArrayEquals(bodies[i], in.rest());
    }
    assertFalse(in.next());
  }

  @Test
  void everyChangedByteIsNoticed() throws IOException {
    byte[] good = frame(Frame.OUTPUT, new byte[] {1, 2, 3}, 4);
    for (int at = 0; at < good.length; at++) {
      byte[] bad = good.clone();
      bad[at] ^= 0x10;
      assertThrows(IOException.class, () -> reader(bad).next(), "byte " + at);
    }
    for (int end = 1; end < good.length; end++) {
      byte[] bad = Arrays.copyOf(good, end);
      assertThrows(EOFException.class, () -> reader(bad).next(), "end " + end);
    }
  }

  @Test
  void claimedLengthsAreNotBelieved() {
    assertThrows(ProtocolException.class, () -> reader(new byte[] {0, 0, 0, 0, 1}).next());
    assertThrows(ProtocolException.class, () -> reader(new byte[] {-1, -1, -1, -1, 1}).next());
    // 1 GiB is allowed; it is not allocated before it came.
    assertThrows(EOFException.class, () -> reader(new byte[] {0, 0, 0, 0x40, 1}).next());
  }

  @Test
  void shortBodiesAreRefused() throws IOException {
    FrameReader in = reader(frame(Frame.READY, new byte[] {9, 0, 0, 0, 'a'}));
    assertTrue(in.next());
    assertThrows(ProtocolException.class, in::string);
    assertThrows(ProtocolException.class, () -> in.u32("", 1));
  }
}
