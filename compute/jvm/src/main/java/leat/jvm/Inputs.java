package leat.jvm;

import java.nio.ByteBuffer;

/** Where a task's inputs come from. Called by one thread, which is not the task's own. */
@FunctionalInterface
public interface Inputs {
  /** Begins to read an input. A task may read one again. */
  Batches open(int input) throws Exception;

  /** Batches of an input, in order. */
  @FunctionalInterface
  interface Batches extends AutoCloseable {
    /** The next one, with an array, good until the next call; null at the end. */
    ByteBuffer next() throws Exception;

    /** The end was reached, or the task wants no more. */
    @Override
    default void close() throws Exception {}
  }
}
