import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * A warm session of Flink SQL, in batch mode on a cluster that runs: reads queries from standard input, each ended by a line ";", answers with rows of values separated
 * by tabs and a line "ms N" or "error TEXT". Arguments: the address of the cluster's REST interface, the folder with a folder of Parquet files for each table, and a file
 * with a CREATE TABLE statement a line, in which FOLDER stands for that folder.
 */
public final class FlinkSql {
  private final TableEnvironment tables;
  private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  private FlinkSql(URI address, int parallelism) {
    Configuration settings = new Configuration();
    settings.setString("execution.target", "remote");
    settings.setString("rest.address", address.getHost());
    settings.setString("rest.port", Integer.toString(address.getPort()));
    settings.setString("parallelism.default", Integer.toString(parallelism));
    settings.setString("table.optimizer.join-reorder-enabled", "true");
    tables = TableEnvironment.create(EnvironmentSettings.newInstance().inBatchMode().withConfiguration(settings).build());
  }

  private void answer(String query) {
    long begun = System.nanoTime();
    List<String> rows = new ArrayList<>();
    try (CloseableIterator<Row> result = tables.executeSql(query).collect()) {
      while (result.hasNext()) {
        Row row = result.next();
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < row.getArity(); i++) {
          line.append(i == 0 ? "" : "\t").append(row.getField(i) == null ? "\\N" : row.getField(i));
        }
        rows.add(line.toString());
      }
      double milliseconds = (System.nanoTime() - begun) / 1e6;
      rows.forEach(out::println);
      out.println("ms " + milliseconds);
    } catch (Exception error) {
      Throwable cause = error;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      out.println("error " + String.valueOf(cause.getMessage()).replace('\n', ' '));
    }
    out.flush();
  }

  public static void main(String[] arguments) {
    FlinkSql session = new FlinkSql(URI.create(arguments[0]), 2);
    try {
      for (String statement : java.nio.file.Files.readAllLines(Path.of(arguments[2]))) {
        session.tables.executeSql(statement.replace("FOLDER", arguments[1]));
      }
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      StringBuilder query = new StringBuilder();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.equals(";")) {
          session.answer(query.toString());
          query.setLength(0);
        } else {
          query.append(line).append('\n');
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
