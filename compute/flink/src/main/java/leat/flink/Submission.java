package leat.flink;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import leat.jvm.FrameReader;
import leat.jvm.Job;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * What the REST interface runs in the JobManager: gets the plan and the packed worker from the
 * driver, and submits the job. Arguments: the driver's host, port and the job's secret.
 *
 * <p>A stage is an operator with a subtask for each task. Between stages rows go through Flink's
 * blocking exchanges, an edge for each input that reads them.
 */
public final class Submission {
  private Submission() {}

  public static void main(String[] args) throws Exception {
    Link.Address driver = new Link.Address(args[0], Integer.parseInt(args[1]), args[2]);
    Path program = Files.createTempFile("leat-worker-", null);
    try {
      Plan plan = fetch(driver, program);
      StreamExecutionEnvironment environment = environment(plan);
      environment.registerCachedFile(program.toUri().toString(), StageOperator.PROGRAM, true);
      build(environment, plan, driver);
      // Returns when the job, and the files that it needs, are with the JobManager.
      environment.executeAsync(plan.name());
    } finally {
      Files.delete(program);
    }
  }

  private static Plan fetch(Link.Address driver, Path program) throws IOException {
    try (Link link = Link.open(driver, Link.SUBMISSION, 0, 0);
        OutputStream out = Files.newOutputStream(program)) {
      Plan plan = Plan.read(link.expect(Link.PLAN).rest());
      for (FrameReader in = link.next(); in.kind() == Link.PIECE; in = link.next()) {
        ByteBuffer piece = in.body();
        out.write(piece.array(), piece.arrayOffset() + piece.position(), piece.remaining());
      }
      if (link.reader().kind() != Link.END) {
        throw new IOException("the driver did not give all of the worker");
      }
      return plan;
    }
  }

  private static StreamExecutionEnvironment environment(Plan plan) {
    Configuration settings = new Configuration();
    // The driver counts what is tried again, by task; Flink shall not give up before it.
    settings.setString("restart-strategy.type", "fixed-delay");
    settings.setString("restart-strategy.fixed-delay.attempts", String.valueOf(1 << 20));
    settings.setString("restart-strategy.fixed-delay.delay", "100 ms");
    plan.flinkSettings().forEach(settings::setString);
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.getExecutionEnvironment(settings);
    environment.setRuntimeMode(RuntimeExecutionMode.BATCH);
    environment.getConfig().enableObjectReuse();
    return environment;
  }

  private static void build(
      StreamExecutionEnvironment environment, Plan plan, Link.Address driver) {
    List<SingleOutputStreamOperator<Rows>> streams = new ArrayList<>();
    boolean[] read = new boolean[plan.stages().size()];
    for (Plan.Stage stage : plan.stages()) {
      List<DataStream<Rows>> inputs = new ArrayList<>();
      for (int i = 0; i < stage.inputs().size(); i++) {
        Plan.Input input = stage.inputs().get(i);
        read[input.stage()] = true;
        inputs.add(edge(streams.get(input.stage()), i, input.mode(), stage.tasks()));
      }
      streams.add(operator(environment, plan, stage, inputs, driver));
    }
    for (int i = 0; i < read.length; i++) {
      if (!read[i]) {
        streams
            .get(i)
            .sinkTo(new DiscardingSink<>())
            .name("end")
            .setParallelism(streams.get(i).getParallelism());
      }
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static SingleOutputStreamOperator<Rows> operator(
      StreamExecutionEnvironment environment,
      Plan plan,
      Plan.Stage stage,
      List<DataStream<Rows>> inputs,
      Link.Address driver) {
    DataStream<Rows> input;
    if (inputs.isEmpty()) {
      input =
          environment
              .fromSource(new EmptySource(), WatermarkStrategy.noWatermarks(), "begin", Rows.TYPE)
              .setParallelism(stage.tasks());
    } else {
      DataStream[] others = inputs.subList(1, inputs.size()).toArray(new DataStream[0]);
      input = others.length == 0 ? inputs.get(0) : inputs.get(0).union(others);
    }
    StageOperator operator = new StageOperator(plan, stage, driver);
    return input
        .transform("stage " + stage.number(), Rows.TYPE, operator)
        .setParallelism(stage.tasks())
        .setMaxParallelism(Math.max(stage.tasks(), 1));
  }

  /* The rows of a stage on their way to an input of another one, which has so many tasks. */
  private static DataStream<Rows> edge(
      SingleOutputStreamOperator<Rows> from, int input, Job.Mode mode, int tasks) {
    SingleOutputStreamOperator<Rows> named =
        from.flatMap(new Name(input, mode == Job.Mode.OWN ? tasks : Integer.MAX_VALUE), Rows.TYPE)
            .name("input " + input)
            .setParallelism(from.getParallelism());
    return switch (mode) {
      case OWN -> named.partitionCustom((Integer to, int count) -> to, Rows::partition);
      case ALL -> named.broadcast();
      case FIRST -> named.global();
    };
  }

  /** Says for which input rows are. Those of partitions that no task reads go nowhere. */
  private record Name(int input, int partitions) implements FlatMapFunction<Rows, Rows> {
    @Override
    public void flatMap(Rows rows, Collector<Rows> out) {
      if (rows.partition() < partitions) {
        out.collect(new Rows(input, rows.task(), rows.partition(), rows.batch()));
      }
    }
  }
}
