package leat.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import leat.jvm.Job;

/** A job as the driver gives it to the cluster. */
record Plan(
    String name,
    List<Stage> stages,
    String programSum,
    Map<String, String> flinkSettings,
    long spoolMemory)
    implements Serializable {

  /** An earlier stage that is read, and how. */
  record Input(int stage, Job.Mode mode) implements Serializable {}

  /** A stage of one task, whose rows the driver has, or one whose tasks have fragments. */
  record Stage(
      int number, int tasks, boolean given, boolean last, List<Input> inputs, byte[][] fragments)
      implements Serializable {}

  /**
   * @param programSum a name for the packed worker's content
   */
  static Plan of(Job job, String programSum, Settings settings) {
    List<Stage> stages = new ArrayList<>();
    for (Job.Stage stage : job.stages) {
      List<Input> inputs = new ArrayList<>();
      stage.inputs.forEach(input -> inputs.add(new Input(input.stage(), input.mode())));
      stages.add(
          new Stage(
              stage.number,
              stage.given ? 1 : stage.tasks,
              stage.given,
              stage == job.last(),
              inputs,
              stage.fragments));
    }
    return new Plan(job.name, stages, programSum, settings.flink, settings.spoolMemory);
  }

  byte[] bytes() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(this);
    }
    return bytes.toByteArray();
  }

  static Plan read(byte[] bytes) throws IOException {
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes)) {
          @Override
          protected Class<?> resolveClass(java.io.ObjectStreamClass c)
              throws IOException, ClassNotFoundException {
            return Class.forName(c.getName(), false, Plan.class.getClassLoader());
          }
        }) {
      return (Plan) in.readObject();
    } catch (ClassNotFoundException e) {
      throw new IOException(e);
    }
  }
}
