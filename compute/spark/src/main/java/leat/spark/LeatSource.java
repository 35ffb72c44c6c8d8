package leat.spark;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.SupportsPushDownRequiredColumns;
import org.apache.spark.sql.connector.read.V1Scan;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.DataSourceRegister;
import org.apache.spark.sql.sources.TableScan;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Leat's tables, views and queries for Spark SQL:
 *
 * <pre>
 *   spark.read().format("leat").option("lake", "lake").option("query", "SELECT …").load()
 * </pre>
 *
 * <p>Leat runs the query once, when it is loaded, and writes its rows as Parquet into a folder that
 * the executors must reach too; from there Spark's own reader goes on. The folder is removed when
 * the program ends.
 *
 * <p>Options: query or table; lake, schema, threads, memory, on, master, host-config as of `leat
 * query`; program (else LEAT in the environment, else leat on the PATH); staging, a folder (else
 * the temporary one, which is enough for local[n]).
 */
public final class LeatSource implements TableProvider, DataSourceRegister {
  private static final List<String> PASSED_ON =
      List.of("lake", "schema", "threads", "memory", "on", "master", "host-config");

  private Dataset<Row> rows; // of one load(), which asks for the schema first

  @Override
  public String shortName() {
    return "leat";
  }

  @Override
  public StructType inferSchema(CaseInsensitiveStringMap options) {
    rows = load(options);
    return rows.schema();
  }

  @Override
  public Table getTable(
      StructType schema, Transform[] partitioning, Map<String, String> properties) {
    Dataset<Row> loaded = rows != null ? rows : load(new CaseInsensitiveStringMap(properties));
    return new LeatTable(loaded);
  }

  private static Dataset<Row> load(CaseInsensitiveStringMap options) {
    String query = options.get("query");
    String table = options.get("table");
    if ((query == null) == (table == null)) {
      throw new IllegalArgumentException("format leat needs option query or option table");
    }
    String staging = options.getOrDefault("staging", System.getProperty("java.io.tmpdir"));
    try {
      Path folder = Path.of(staging, "leat-" + UUID.randomUUID()).toAbsolutePath();
      Files.createDirectories(folder);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(folder)));
      Path file = folder.resolve("rows.parquet");
      run(options, query != null ? query : "SELECT * FROM " + table, file);
      return SparkSession.active().read().parquet(file.toUri().toString());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static void run(CaseInsensitiveStringMap options, String query, Path file)
      throws IOException {
    String program = System.getenv().getOrDefault("LEAT", "leat");
    List<String> command = new ArrayList<>(List.of(options.getOrDefault("program", program)));
    command.addAll(List.of("query", "-q", "-f", "-"));
    for (String name : PASSED_ON) {
      if (options.containsKey(name)) {
        command.addAll(List.of("--" + name, options.get(name)));
      }
    }
    String sql =
        query.strip().replaceAll(";+$", "").strip(); // a newline, as a query may end with a comment
    String copy = "COPY (" + sql + "\n) TO '" + file.toString().replace("'", "''") + "';\n";
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      process.getOutputStream().write(copy.getBytes(StandardCharsets.UTF_8));
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException("leat failed: " + said.strip());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted");
    } finally {
      process.destroyForcibly();
    }
  }

  private static void remove(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException e) {
      System.err.println("leat: " + folder + " is left: " + e.getMessage());
    }
  }

  private static final class LeatTable implements SupportsRead {
    private final Dataset<Row> rows;

    LeatTable(Dataset<Row> rows) {
      this.rows = rows;
    }

    @Override
    public String name() {
      return "leat";
    }

    @Override
    public StructType schema() {
      return rows.schema();
    }

    @Override
    public Set<TableCapability> capabilities() {
      return Set.of(TableCapability.BATCH_READ);
    }

    @Override
    public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
      return new LeatScan(rows);
    }
  }

  /** Reads the columns that are needed; what Spark's reader of Parquet does is its own. */
  private static final class LeatScan
      implements ScanBuilder, SupportsPushDownRequiredColumns, V1Scan {
    private final Dataset<Row> rows;
    private StructType needed;

    LeatScan(Dataset<Row> rows) {
      this.rows = rows;
      this.needed = rows.schema();
    }

    @Override
    public void pruneColumns(StructType required) {
      needed = required;
    }

    @Override
    public Scan build() {
      return this;
    }

    @Override
    public StructType readSchema() {
      return needed;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends BaseRelation & TableScan> T toV1TableScan(SQLContext context) {
      Column[] columns =
          Arrays.stream(needed.fieldNames())
              .map(name -> rows.col("`" + name.replace("`", "``") + "`"))
              .toArray(Column[]::new);
      return (T) new Relation(context, rows.select(columns), needed);
    }
  }

  private static final class Relation extends BaseRelation implements TableScan {
    private final SQLContext context;
    private final Dataset<Row> rows;
    private final StructType schema;

    Relation(SQLContext context, Dataset<Row> rows, StructType schema) {
      this.context = context;
      this.rows = rows;
      this.schema = schema;
    }

    @Override
    public SQLContext sqlContext() {
      return context;
    }

    @Override
    public StructType schema() {
      return schema;
    }

    @Override
    public RDD<Row> buildScan() {
      return rows.rdd();
    }
  }
}
