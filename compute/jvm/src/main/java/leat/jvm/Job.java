package leat.jvm;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A job as Leat gave it: stages in an order in which they can run. */
public final class Job {
  private static final int MAX_STAGES = 1 << 16;
  private static final int MAX_TASKS = 1 << 20;

  /** What a task reads of an input. */
  public enum Mode {
    OWN,
    ALL,
    FIRST
  }

  /** An earlier stage that is read. */
  public record Input(int stage, Mode mode) {
    /** Whether this task reads anything of it. */
    public boolean reads(int task) {
      return mode != Mode.FIRST || task == 0;
    }
  }

  /** A stage. What a given one has are rows, the others a fragment for each task. */
  public static final class Stage {
    public final int number;
    public final int tasks;

    /** Upper bound of the partition numbers of what its tasks put out. */
    public final int partitions;

    public final boolean given;
    public final List<Input> inputs;

    /** By task. */
    public final byte[][] fragments;

    /** Of a given stage, in order; see {@link DriverHost#given}. */
    public final List<byte[]> rows = new ArrayList<>();

    Stage(int number, int tasks, int partitions, boolean given, List<Input> inputs) {
      this.number = number;
      this.tasks = tasks;
      this.partitions = partitions;
      this.given = given;
      this.inputs = Collections.unmodifiableList(inputs);
      this.fragments = new byte[given ? 0 : tasks][];
    }
  }

  public final int number;

  /** For the host's screens. */
  public final String name;

  public final List<Stage> stages;

  private volatile boolean cancelled;

  private Job(int number, String name, List<Stage> stages) {
    this.number = number;
    this.name = name;
    this.stages = Collections.unmodifiableList(stages);
  }

  public Stage last() {
    return stages.get(stages.size() - 1);
  }

  /** Leat wants the job no more, or is gone. */
  public boolean isCancelled() {
    return cancelled;
  }

  void cancel() {
    cancelled = true;
  }

  /** Reads the body of a JOB frame. */
  static Job read(FrameReader in) throws ProtocolException {
    int number = in.u32();
    String name = in.string();
    int count = in.u32("number of stages", MAX_STAGES);
    if (count == 0) {
      throw new ProtocolException("a job without stages");
    }
    List<Stage> stages = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      stages.add(readStage(in, i));
    }
    if (stages.get(count - 1).given) {
      throw new ProtocolException("the last stage is given");
    }
    return new Job(number, name, stages);
  }

  private static Stage readStage(FrameReader in, int number) throws ProtocolException {
    int tasks = in.u32("number of tasks", MAX_TASKS);
    int partitions = in.u32("number of partitions", MAX_TASKS);
    boolean given = in.u8() != 0;
    int count = in.u32("number of inputs", MAX_STAGES);
    if (tasks == 0 || partitions == 0) {
      throw new ProtocolException("stage " + number + " has no tasks or no partitions");
    }
    List<Input> inputs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int stage = in.u32("input", number);
      inputs.add(new Input(stage, Mode.values()[in.u8Below("mode", Mode.values().length)]));
    }
    return new Stage(number, tasks, partitions, given, inputs);
  }

  /** Takes the body of a TASK frame. */
  void readTask(FrameReader in) throws ProtocolException {
    Stage stage = stages.get(in.u32("stage", stages.size()));
    int task = in.u32("task", stage.fragments.length);
    stage.fragments[task] = in.rest();
  }

  /** The given stage of a GIVEN frame; its rows are what is left of the body. */
  Stage readGiven(FrameReader in) throws ProtocolException {
    Stage stage = stages.get(in.u32("stage", stages.size()));
    if (!stage.given) {
      throw new ProtocolException("rows for stage " + stage.number + ", which has tasks");
    }
    return stage;
  }

  void checkComplete() throws ProtocolException {
    for (Stage stage : stages) {
      for (int task = 0; task < stage.fragments.length; task++) {
        if (stage.fragments[task] == null || stage.fragments[task].length < 4) {
          throw new ProtocolException("task " + task + " of stage " + stage.number + " is missing");
        }
      }
    }
  }

  static void keep(Stage stage, ByteBuffer rows) {
    byte[] copy = new byte[rows.remaining()];
    rows.get(copy);
    stage.rows.add(copy);
  }
}
