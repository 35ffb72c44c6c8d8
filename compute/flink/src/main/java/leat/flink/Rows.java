package leat.flink;

import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.api.java.typeutils.TupleTypeInfo;

/** A batch on its way: of which of the reader's inputs, of which task, of which partition. */
public final class Rows extends Tuple4<Integer, Integer, Integer, byte[]> {
  private static final long serialVersionUID = 1;

  static final TypeInformation<Rows> TYPE =
      new TupleTypeInfo<>(
          Rows.class,
          Types.INT,
          Types.INT,
          Types.INT,
          PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);

  /** For Flink. */
  public Rows() {}

  Rows(int input, int task, int partition, byte[] batch) {
    super(input, task, partition, batch);
  }

  int input() {
    return f0;
  }

  int task() {
    return f1;
  }

  int partition() {
    return f2;
  }

  byte[] batch() {
    return f3;
  }
}
