package leat.jvm;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * Reads frames. The buffer is one and reused: what is got from it lasts until the next call of
 * {@link #next}. It grows with the bytes that came, not with the length that a frame claims. One
 * thread at a time.
 */
public final class FrameReader {
  private static final int STEP = 1 << 20;
  private static final int KEPT = 4 << 20;

  private final InputStream in;
  private final CRC32 crc = new CRC32();
  private byte[] bytes = new byte[1 << 16];
  private int length; // of the frame with all around it
  private ByteBuffer body = ByteBuffer.allocate(0);

  /** The stream should hold back bytes itself (BufferedInputStream) if frames are small. */
  public FrameReader(InputStream in) {
    this.in = in;
  }

  /**
   * Reads the next frame; false at the end of the stream between two frames. An end within a frame
   * is an EOFException, a wrong length or checksum a ProtocolException.
   */
  public boolean next() throws IOException {
    if (bytes.length > KEPT) {
      bytes = new byte[KEPT];
    }
    int got = in.readNBytes(bytes, 0, 4);
    if (got == 0) {
      return false;
    }
    if (got < 4) {
      throw new EOFException("the stream ended within a frame's length");
    }
    int payload = word(0);
    if (payload < 1 || payload > Frame.MAX_PAYLOAD) {
      throw new ProtocolException(
          "a frame of " + Integer.toUnsignedString(payload) + " bytes, allowed are 1 to 2^30");
    }
    length = payload + Frame.OVERHEAD;
    for (int at = 4; at < length; at += got) {
      int step = Math.min(length - at, STEP);
      if (bytes.length < at + step) {
        bytes = Arrays.copyOf(bytes, Math.min(length, Math.max(at + step, bytes.length * 2)));
      }
      got = in.readNBytes(bytes, at, step);
      if (got < step) {
        throw new EOFException("the stream ended within a frame of " + payload + " bytes");
      }
    }
    crc.reset();
    crc.update(bytes, 4, payload);
    if ((int) crc.getValue() != word(4 + payload)) {
      throw new ProtocolException("a frame of kind " + bytes[4] + " has a wrong checksum");
    }
    body = ByteBuffer.wrap(bytes, 5, payload - 1).order(ByteOrder.LITTLE_ENDIAN);
    return true;
  }

  private int word(int at) {
    return ByteBuffer.wrap(bytes, at, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }

  public int kind() {
    return bytes[4] & 0xff;
  }

  /** What is left of the body, as a view of the buffer. */
  public ByteBuffer body() {
    return body;
  }

  /** A copy of what is left of the body. */
  public byte[] rest() {
    byte[] copy = new byte[body.remaining()];
    body.get(copy);
    return copy;
  }

  /** A copy of the whole frame, to be handed on as it is. */
  public byte[] whole() {
    return Arrays.copyOf(bytes, length);
  }

  public int u8() throws ProtocolException {
    try {
      return body.get() & 0xff;
    } catch (BufferUnderflowException e) {
      throw tooShort();
    }
  }

  /** A u8 below the limit. */
  public int u8Below(String what, int limit) throws ProtocolException {
    int value = u8();
    if (value >= limit) {
      throw new ProtocolException(what + " " + value + ", allowed are 0 to " + (limit - 1));
    }
    return value;
  }

  /** A u32, as the int with the same bits. */
  public int u32() throws ProtocolException {
    try {
      return body.getInt();
    } catch (BufferUnderflowException e) {
      throw tooShort();
    }
  }

  public long u64() throws ProtocolException {
    try {
      return body.getLong();
    } catch (BufferUnderflowException e) {
      throw tooShort();
    }
  }

  /** A u32 below the limit. */
  public int u32(String what, int limit) throws ProtocolException {
    int value = u32();
    if (value < 0 || value >= limit) {
      throw new ProtocolException(
          what + " " + Integer.toUnsignedString(value) + ", allowed are 0 to " + (limit - 1));
    }
    return value;
  }

  public String string() throws ProtocolException {
    int size = u32();
    if (size < 0 || size > body.remaining()) {
      throw tooShort();
    }
    String text =
        new String(bytes, body.arrayOffset() + body.position(), size, StandardCharsets.UTF_8);
    body.position(body.position() + size);
    return text;
  }

  private ProtocolException tooShort() {
    return new ProtocolException("a frame of kind " + kind() + " is too short");
  }

  /** Reads the other side's greeting. */
  public String hello() throws IOException {
    if (!next()) {
      throw new EOFException("ended without a greeting");
    }
    if (kind() != Frame.HELLO || u32() != Frame.MAGIC) {
      throw new ProtocolException("did not greet");
    }
    int version = u32();
    String program = string();
    if (version != Frame.VERSION) {
      throw new VersionException(program, version);
    }
    return program;
  }
}
