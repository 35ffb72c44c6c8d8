package leat.spark;

import java.io.Serializable;

/**
 * What goes through the shuffle: a batch as a worker put it out, and its number among all that its
 * attempt put out, by which order is kept and checked.
 */
record Piece(int sequence, byte[] bytes) implements Serializable {}
