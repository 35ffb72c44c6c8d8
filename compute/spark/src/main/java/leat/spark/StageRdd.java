package leat.spark;

import java.util.List;
import leat.jvm.Job;
import org.apache.spark.Dependency;
import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import scala.Tuple2;
import scala.collection.immutable.$colon$colon;
import scala.collection.immutable.Nil$;
import scala.reflect.ClassTag$;

/**
 * A stage: a partition for each task, whose rows a worker puts out, by the partition they are meant
 * for; after the rows comes what was told, for the partition after the last.
 *
 * <p>It depends on the shuffles of its inputs. What a task reads of them it reads itself, map
 * output by map output, for the order's sake.
 */
final class StageRdd extends RDD<Tuple2<Integer, Piece>> {
  private static final long serialVersionUID = 1;

  private final String program;
  private final int stage;
  private final int partitions;
  private final boolean apart; // partitions are kept apart
  private final Job.Mode[] modes; // of inputs
  private final Exchange[] inputs;
  private final transient byte[][] fragments;
  private final transient List<Exchange> parents;

  /**
   * @param origin any RDD of the context
   * @param program name of the worker among the files of the application
   * @param apart whether rows of different partitions are read apart
   * @param parents exchanges that must be there before
   */
  StageRdd(
      RDD<?> origin,
      String program,
      Job.Stage stage,
      boolean apart,
      Exchange[] inputs,
      List<Exchange> parents) {
    super(origin, ClassTag$.MODULE$.apply(Tuple2.class));
    this.program = program;
    this.stage = stage.number;
    this.partitions = stage.partitions;
    this.apart = apart;
    this.inputs = inputs;
    this.modes = stage.inputs.stream().map(Job.Input::mode).toArray(Job.Mode[]::new);
    this.fragments = stage.fragments;
    this.parents = parents;
  }

  int stage() {
    return stage;
  }

  @Override
  public Partition[] getPartitions() {
    Partition[] all = new Partition[fragments.length];
    for (int task = 0; task < all.length; task++) {
      all[task] = new TaskPartition(task, fragments[task]);
    }
    return all;
  }

  /* Of Scala's types only this one is the same before and after Scala 2.13. */
  @Override
  public scala.collection.immutable.Seq<Dependency<?>> getDependencies() {
    scala.collection.immutable.List<Dependency<?>> all = nil();
    for (Exchange parent : parents) {
      if (parent.shuffle != null) {
        all = new $colon$colon<>(parent.shuffle, all);
      }
    }
    return all;
  }

  @SuppressWarnings("unchecked")
  private static <T> scala.collection.immutable.List<T> nil() {
    return (scala.collection.immutable.List<T>) (Object) Nil$.MODULE$;
  }

  @Override
  public scala.collection.Iterator<Tuple2<Integer, Piece>> compute(
      Partition partition, TaskContext context) {
    TaskPartition task = (TaskPartition) partition;
    Attempt attempt = new Attempt(context, program, stage, task.index(), partitions, apart);
    attempt.begin(task.fragment, new ExchangeInputs(inputs, modes, task.index(), context));
    return new Rows(attempt);
  }

  /** An attempt as Spark wants it. */
  private static final class Rows
      extends scala.collection.AbstractIterator<Tuple2<Integer, Piece>> {
    private final Attempt attempt;
    private Tuple2<Integer, Piece> ahead;

    Rows(Attempt attempt) {
      this.attempt = attempt;
    }

    @Override
    public boolean hasNext() {
      if (ahead == null) {
        ahead = attempt.next();
      }
      return ahead != null;
    }

    @Override
    public Tuple2<Integer, Piece> next() {
      if (!hasNext()) {
        throw new java.util.NoSuchElementException();
      }
      Tuple2<Integer, Piece> row = ahead;
      ahead = null;
      return row;
    }
  }
}
