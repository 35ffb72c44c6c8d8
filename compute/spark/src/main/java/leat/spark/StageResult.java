package leat.spark;

import java.io.Serializable;
import java.util.List;

/**
 * What a task of the last stage gives back to the driver.
 *
 * @param rows its first batches, as many as are small enough to come along
 * @param blocks how many blocks of further batches wait with its executor
 * @param told of this attempt, and with task 0 of all attempts of earlier stages
 */
record StageResult(int attempt, byte[][] rows, int blocks, List<byte[]> told)
    implements Serializable {}
