package leat.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import org.apache.spark.serializer.SerializationStream;
import org.junit.jupiter.api.Test;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

class PieceSerializerTest {
  private static final ClassTag<Object> ANY = ClassTag$.MODULE$.apply(Object.class);

  private static byte[] written(int from, int to) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    SerializationStream stream = new PieceSerializer().newInstance().serializeStream(out);
    for (int i = from; i < to; i++) {
      stream.writeKey((Object) (i * 7), ANY);
      stream.writeValue((Object) new Piece(i, new byte[i]), ANY);
    }
    stream.close();
    return out.toByteArray();
  }

  private static Iterator<Tuple2<Object, Object>> read(byte[] bytes) {
    return new PieceSerializer()
        .newInstance()
        .deserializeStream(new ByteArrayInputStream(bytes))
        .asKeyValueIterator();
  }

  @Test
  void whatIsWrittenIsReadAlsoWhenMoved() {
    // Spark puts parts of streams together without reading them.
    ByteArrayOutputStream moved = new ByteArrayOutputStream();
    moved.writeBytes(written(0, 5));
    moved.writeBytes(written(5, 9));
    Iterator<Tuple2<Object, Object>> in = read(moved.toByteArray());
    for (int i = 0; i < 9; i++) {
      assertTrue(in.hasNext());
      Tuple2<Object, Object> record = in.next();
      assertEquals(i * 7, record._1());
      assertEquals(i, ((Piece) record._2()).sequence());
      assertArrayEquals(new byte[i], ((Piece) record._2()).bytes());
    }
    assertFalse(in.hasNext());
  }

  @Test
  void whatIsCutOffIsNoEnd() {
    byte[] bytes = written(3, 4);
    for (int end = 4; end < bytes.length; end++) {
      Iterator<Tuple2<Object, Object>> in = read(Arrays.copyOf(bytes, end));
      assertThrows(IOException.class, in::hasNext, "cut off at " + end);
    }
  }
}
