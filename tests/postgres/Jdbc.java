import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;

/** What JDBC does with a server: Jdbc URL. Prints one line a failed check and the counts. */
public final class Jdbc {
  private static int passed;
  private static int failed;

  private Jdbc() {}

  private static void check(String name, Object want, Object got) {
    if (Objects.equals(want, got)) {
      passed++;
    } else {
      failed++;
      System.out.println("FAIL jdbc: " + name + ": " + got + " instead of " + want);
    }
  }

  private static List<String> column(ResultSet rows, String name) throws SQLException {
    List<String> values = new ArrayList<>();
    while (rows.next()) {
      values.add(rows.getString(name));
    }
    return values;
  }

  private static void types(Connection connection, int threshold) throws SQLException {
    String sql = "SELECT ?::int, ?::bigint, ?::float8, ?::numeric(12,3), ?::text, ?::date, ?::timestamp, ?::uuid, ?::bool, ?::bytea, ?::int[]";
    UUID id = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.unwrap(org.postgresql.PGStatement.class).setPrepareThreshold(threshold);
      for (int round = 0; round < 3; round++) {
        statement.setInt(1, -7);
        statement.setLong(2, Long.MAX_VALUE);
        statement.setDouble(3, 1.25);
        statement.setBigDecimal(4, new BigDecimal("-12345.678"));
        statement.setString(5, "ä'\\\n");
        statement.setObject(6, LocalDate.of(1999, 12, 31));
        statement.setObject(7, LocalDateTime.of(2024, 2, 29, 23, 59, 59, 123456000));
        statement.setObject(8, id);
        statement.setBoolean(9, true);
        statement.setBytes(10, new byte[] {0, 1, -1});
        statement.setArray(11, connection.createArrayOf("int4", new Integer[] {1, null, 3}));
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          String step = "types, round " + round + " of threshold " + threshold + ", ";
          check(step + "int", -7, rows.getInt(1));
          check(step + "bigint", Long.MAX_VALUE, rows.getLong(2));
          check(step + "float8", 1.25, rows.getDouble(3));
          check(step + "numeric", new BigDecimal("-12345.678"), rows.getBigDecimal(4));
          check(step + "text", "ä'\\\n", rows.getString(5));
          check(step + "date", LocalDate.of(1999, 12, 31), rows.getObject(6, LocalDate.class));
          check(step + "timestamp", LocalDateTime.of(2024, 2, 29, 23, 59, 59, 123456000), rows.getObject(7, LocalDateTime.class));
          check(step + "uuid", id, rows.getObject(8));
          check(step + "bool", true, rows.getBoolean(9));
          check(step + "bytea", "[0, 1, -1]", Arrays.toString(rows.getBytes(10)));
          check(step + "array", "[1, null, 3]", Arrays.toString((Object[]) rows.getArray(11).getArray()));
        }
      }
    }
  }

  private static void metadata(Connection connection) throws SQLException {
    DatabaseMetaData data = connection.getMetaData();
    check("product", "PostgreSQL", data.getDatabaseProductName());
    try (ResultSet rows = data.getTables(null, null, "jdbc_%", new String[] {"TABLE", "VIEW"})) {
      check("getTables", List.of("jdbc_t", "jdbc_v"), column(rows, "TABLE_NAME"));
    }
    try (ResultSet rows = data.getColumns(null, null, "jdbc_t", null)) {
      check("getColumns", List.of("id", "name", "price"), column(rows, "COLUMN_NAME"));
    }
    try (ResultSet rows = data.getColumns(null, null, "jdbc_t", "price")) {
      check("getColumns: one", true, rows.next());
      check("precision", 10, rows.getInt("COLUMN_SIZE"));
      check("scale", 2, rows.getInt("DECIMAL_DIGITS"));
      check("type", Types.NUMERIC, rows.getInt("DATA_TYPE"));
    }
    try (ResultSet rows = data.getSchemas()) {
      check("getSchemas", true, column(rows, "TABLE_SCHEM").contains("main"));
    }
    try (ResultSet rows = data.getPrimaryKeys(null, null, "jdbc_t")) {
      check("getPrimaryKeys", List.of(), column(rows, "COLUMN_NAME"));
    }
  }

  public static void main(String[] args) throws SQLException {
    try (Connection connection = DriverManager.getConnection(args[0])) {
      types(connection, 1);
      types(connection, 0);
      try (Statement statement = connection.createStatement()) {
        statement.execute("CREATE TABLE jdbc_t (id int NOT NULL, name text, price numeric(10,2))");
        statement.execute("CREATE VIEW jdbc_v AS SELECT id FROM jdbc_t");
      }
      try (PreparedStatement insert = connection.prepareStatement("INSERT INTO jdbc_t VALUES (?, ?, ?)")) {
        for (int i = 0; i < 100; i++) {
          insert.setInt(1, i);
          insert.setString(2, i % 2 == 0 ? null : "n" + i);
          insert.setBigDecimal(3, new BigDecimal(i + ".50"));
          insert.addBatch();
        }
        check("batch", 100, insert.executeBatch().length);
      }
      metadata(connection);
      connection.setAutoCommit(false);
      try (PreparedStatement statement = connection.prepareStatement("SELECT id FROM jdbc_t ORDER BY id")) {
        statement.setFetchSize(7); // a portal that is read in pieces
        int sum = 0;
        try (ResultSet rows = statement.executeQuery()) {
          while (rows.next()) {
            sum += rows.getInt(1);
          }
        }
        check("fetch size", 4950, sum);
      }
      try (Statement statement = connection.createStatement()) {
        check("update", 50, statement.executeUpdate("UPDATE jdbc_t SET price = 0 WHERE name IS NULL"));
        connection.rollback();
        try (ResultSet rows = statement.executeQuery("SELECT sum(price) FROM jdbc_t")) {
          rows.next();
          check("rollback", new BigDecimal("5000.00"), rows.getBigDecimal(1));
        }
        check("delete", 50, statement.executeUpdate("DELETE FROM jdbc_t WHERE name IS NULL"));
        connection.commit();
        try {
          statement.execute("SELECT nothing FROM jdbc_t");
          check("error", "an exception", "none");
        } catch (SQLException error) {
          check("error", "42703", error.getSQLState());
        }
        try {
          statement.execute("SELECT 1");
          check("failed transaction", "an exception", "none");
        } catch (SQLException error) {
          check("failed transaction", "25P02", error.getSQLState());
        }
        connection.rollback();
        try (ResultSet rows = statement.executeQuery("SELECT count(*) FROM jdbc_t")) {
          rows.next();
          check("commit", 50, rows.getInt(1));
        }
        connection.commit();
        statement.setQueryTimeout(1); // cancels by a second connection
        try {
          statement.execute("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b");
          check("query timeout", "an exception", "none");
        } catch (SQLException error) {
          check("query timeout", "57014", error.getSQLState());
        }
      }
    }
    System.out.println(passed + " passed, " + failed + " failed, 0 skipped");
  }
}
