import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.StringTokenizer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapreduce.Job;
import org.apache.hadoop.mapreduce.Mapper;
import org.apache.hadoop.mapreduce.Reducer;
import org.apache.hadoop.mapreduce.lib.input.FileInputFormat;
import org.apache.hadoop.mapreduce.lib.input.FileSplit;
import org.apache.hadoop.mapreduce.lib.input.KeyValueTextInputFormat;
import org.apache.hadoop.mapreduce.lib.input.TextInputFormat;
import org.apache.hadoop.mapreduce.lib.output.FileOutputFormat;
import org.apache.hadoop.mapreduce.lib.output.TextOutputFormat;
import org.apache.hadoop.mapreduce.lib.partition.InputSampler;
import org.apache.hadoop.mapreduce.lib.partition.TotalOrderPartitioner;

/**
 * The three usual jobs of MapReduce as they are written in Java: word count with a combiner, a total sort by sampled ranges, a join in the reducers. A warm client: each line of
 * standard input is "wordcount IN OUT", "sort IN OUT" or "join USERS VISITS OUT"; the answer is a line "ms N".
 */
public final class Jobs {
  private static final int REDUCERS = 2;

  static final class CountMapper extends Mapper<LongWritable, Text, Text, LongWritable> {
    private static final LongWritable ONE = new LongWritable(1);
    private final Text word = new Text();

    @Override
    protected void map(LongWritable offset, Text line, Context context) throws IOException, InterruptedException {
      StringTokenizer words = new StringTokenizer(line.toString());
      while (words.hasMoreTokens()) {
        word.set(words.nextToken());
        context.write(word, ONE);
      }
    }
  }

  static final class CountReducer extends Reducer<Text, LongWritable, Text, LongWritable> {
    private final LongWritable total = new LongWritable();

    @Override
    protected void reduce(Text word, Iterable<LongWritable> counts, Context context) throws IOException, InterruptedException {
      long sum = 0;
      for (LongWritable count : counts) {
        sum += count.get();
      }
      total.set(sum);
      context.write(word, total);
    }
  }

  /** Lines "ID TAB REST"; what is sent is marked with the side it is of. */
  static final class JoinMapper extends Mapper<LongWritable, Text, Text, Text> {
    private final Text id = new Text();
    private final Text rest = new Text();
    private String side;

    @Override
    protected void setup(Context context) {
      String users = context.getConfiguration().get("users");
      side = ((FileSplit) context.getInputSplit()).getPath().toString().contains(users) ? "u" : "v";
    }

    @Override
    protected void map(LongWritable offset, Text line, Context context) throws IOException, InterruptedException {
      String text = line.toString();
      int tab = text.indexOf('\t');
      id.set(text.substring(0, tab));
      rest.set(side + text.substring(tab + 1));
      context.write(id, rest);
    }
  }

  static final class JoinReducer extends Reducer<Text, Text, Text, Text> {
    @Override
    protected void reduce(Text id, Iterable<Text> sides, Context context) throws IOException, InterruptedException {
      List<String> users = new ArrayList<>();
      List<String> visits = new ArrayList<>();
      for (Text side : sides) {
        String text = side.toString();
        (text.charAt(0) == 'u' ? users : visits).add(text.substring(1));
      }
      for (String user : users) {
        for (String visit : visits) {
          context.write(id, new Text(user + '\t' + visit));
        }
      }
    }
  }

  private static Job job(Configuration settings, String name) throws IOException {
    Job job = Job.getInstance(settings, name);
    job.setJarByClass(Jobs.class);
    job.setNumReduceTasks(REDUCERS);
    return job;
  }

  private static Job wordCount(Configuration settings, String in, String out) throws Exception {
    Job job = job(settings, "word count");
    job.setInputFormatClass(TextInputFormat.class);
    job.setMapperClass(CountMapper.class);
    job.setCombinerClass(CountReducer.class);
    job.setReducerClass(CountReducer.class);
    job.setOutputKeyClass(Text.class);
    job.setOutputValueClass(LongWritable.class);
    FileInputFormat.addInputPath(job, new Path(in));
    FileOutputFormat.setOutputPath(job, new Path(out));
    return job;
  }

  private static Job sort(Configuration settings, String in, String out) throws Exception {
    Job job = job(settings, "sort");
    job.setInputFormatClass(KeyValueTextInputFormat.class);
    job.setOutputFormatClass(TextOutputFormat.class);
    job.setPartitionerClass(TotalOrderPartitioner.class);
    job.setOutputKeyClass(Text.class);
    job.setOutputValueClass(Text.class);
    FileInputFormat.addInputPath(job, new Path(in));
    FileOutputFormat.setOutputPath(job, new Path(out));
    Path partitions = new Path(out + ".ranges");
    TotalOrderPartitioner.setPartitionFile(job.getConfiguration(), partitions);
    InputSampler.writePartitionFile(job, new InputSampler.SplitSampler<Text, Text>(1000, 4));
    job.addCacheFile(partitions.toUri());
    return job;
  }

  private static Job join(Configuration settings, String users, String visits, String out) throws Exception {
    Job job = job(settings, "join");
    job.getConfiguration().set("users", users);
    job.setInputFormatClass(TextInputFormat.class);
    job.setMapperClass(JoinMapper.class);
    job.setReducerClass(JoinReducer.class);
    job.setOutputKeyClass(Text.class);
    job.setOutputValueClass(Text.class);
    FileInputFormat.addInputPath(job, new Path(users));
    FileInputFormat.addInputPath(job, new Path(visits));
    FileOutputFormat.setOutputPath(job, new Path(out));
    return job;
  }

  public static void main(String[] arguments) throws Exception {
    Configuration settings = new Configuration();
    for (String argument : arguments) {
      settings.set(argument.substring(0, argument.indexOf('=')), argument.substring(argument.indexOf('=') + 1));
    }
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      long begun = System.nanoTime();
      Job job =
          switch (words[0]) {
            case "wordcount" -> wordCount(settings, words[1], words[2]);
            case "sort" -> sort(settings, words[1], words[2]);
            default -> join(settings, words[1], words[2], words[3]);
          };
      if (!job.waitForCompletion(false)) {
        System.out.println("error " + job.getStatus().getFailureInfo());
      } else {
        System.out.println("ms " + (System.nanoTime() - begun) / 1e6);
      }
      System.out.flush();
    }
  }

  private Jobs() {}
}
