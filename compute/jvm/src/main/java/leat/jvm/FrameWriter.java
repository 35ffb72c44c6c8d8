package leat.jvm;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/** Writes frames. Any thread may; frames do not mix. Nothing is held back. */
public final class FrameWriter {
  private static final int SMALL = 1 << 16;

  private final OutputStream out;
  private final CRC32 crc = new CRC32();
  private final byte[] head = new byte[SMALL];
  private final ByteBuffer headView = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);

  public FrameWriter(OutputStream out) {
    this.out = out;
  }

  /** A frame of a kind, words (each an u32), and bytes, which have an array. */
  public synchronized void write(int kind, ByteBuffer bytes, int... words) throws IOException {
    int start = 5 + 4 * words.length;
    int size = bytes.remaining();
    long payload = (long) start - 4 + size;
    if (payload > Frame.MAX_PAYLOAD) {
      throw new ProtocolException("a frame of " + payload + " bytes would be too long");
    }
    headView.clear();
    headView.putInt((int) payload).put((byte) kind);
    for (int word : words) {
      headView.putInt(word);
    }
    crc.reset();
    if (start + size + 4 <= SMALL) {
      headView.put(bytes.duplicate());
      crc.update(head, 4, start - 4 + size);
      headView.putInt((int) crc.getValue());
      out.write(head, 0, start + size + 4);
    } else {
      int offset = bytes.arrayOffset() + bytes.position();
      crc.update(head, 4, start - 4);
      crc.update(bytes.array(), offset, size);
      out.write(head, 0, start);
      out.write(bytes.array(), offset, size);
      headView.putInt(start, (int) crc.getValue());
      out.write(head, start, 4);
    }
    out.flush();
  }

  public void write(int kind, int... words) throws IOException {
    write(kind, ByteBuffer.allocate(0), words);
  }

  /** Whole frames, as they came. */
  public synchronized void writeWhole(byte[] frames) throws IOException {
    out.write(frames);
    out.flush();
  }

  public void hello(String program) throws IOException {
    write(
        Frame.HELLO,
        ByteBuffer.wrap(new Body().string(program).bytes()),
        Frame.MAGIC,
        Frame.VERSION);
  }

  /** A body put together of small things. */
  public static final class Body {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    public Body u8(int value) {
      bytes.write(value);
      return this;
    }

    public Body u32(int value) {
      for (int shift = 0; shift < 32; shift += 8) {
        bytes.write(value >>> shift);
      }
      return this;
    }

    public Body u64(long value) {
      return u32((int) value).u32((int) (value >>> 32));
    }

    public Body string(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      u32(utf8.length);
      bytes.write(utf8, 0, utf8.length);
      return this;
    }

    public byte[] bytes() {
      return bytes.toByteArray();
    }
  }
}
