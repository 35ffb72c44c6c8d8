package leat.flink;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is needed of a JobManager's REST interface. */
final class Rest {
  /** It answered, but not with what was asked for. */
  static final class RefusedException extends IOException {
    private static final long serialVersionUID = 1;

    RefusedException(String message) {
      super(message);
    }
  }

  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final HttpClient client;
  private final String base;

  Rest(String base, int connectSeconds) {
    this.base = base;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(connectSeconds))
            .build();
  }

  String version() throws IOException {
    return field(get("/config"), "flink-version");
  }

  int slots() throws IOException {
    return Integer.parseInt(field(get("/overview"), "slots-total"));
  }

  /** The uploaded jar's name, for run and delete. */
  String upload(Path jar) throws IOException {
    String boundary = "leat-" + UUID.randomUUID();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    body.writeBytes(
        ("--"
                + boundary
                + "\r\n"
                + "Content-Disposition: form-data; name=\"jarfile\";"
                + " filename=\"leat-flink.jar\"\r\n"
                + "Content-Type: application/x-java-archive\r\n\r\n")
            .getBytes(StandardCharsets.UTF_8));
    body.writeBytes(Files.readAllBytes(jar));
    body.writeBytes(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8));
    String answer =
        send(
            request("/jars/upload")
                .header("Content-Type", "multipart/form-data; boundary=" + boundary)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray())));
    String path = field(answer, "filename");
    return path.substring(path.lastIndexOf('/') + 1);
  }

  void delete(String jar) throws IOException {
    send(request("/jars/" + jar).DELETE());
  }

  /** Runs a class of the jar, which submits a job; the job's number. */
  String run(String jar, String entryClass, List<String> arguments) throws IOException {
    StringBuilder body = new StringBuilder("{\"entryClass\":\"" + entryClass + "\"");
    body.append(",\"programArgsList\":[\"").append(String.join("\",\"", arguments)).append("\"]}");
    String answer =
        send(
            request("/jars/" + jar + "/run")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body.toString())));
    return field(answer, "jobid");
  }

  /** CREATED, RUNNING, FINISHED, ... */
  String state(String job) throws IOException {
    return field(get("/jobs/" + job + "/status"), "status");
  }

  void cancel(String job) throws IOException {
    send(
        request("/jobs/" + job + "?mode=cancel")
            .method("PATCH", HttpRequest.BodyPublishers.noBody()));
  }

  /** Why a job failed, in the host's words. */
  String reason(String job) throws IOException {
    String text = field(get("/jobs/" + job + "/exceptions"), "stacktrace");
    List<String> causes =
        text.lines().filter(line -> !line.startsWith("\t") && !line.isBlank()).toList();
    return causes.isEmpty() ? "no reason is known" : causes.get(causes.size() - 1);
  }

  private String get(String path) throws IOException {
    return send(request(path).GET());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(base + path)).timeout(TIMEOUT);
  }

  private String send(HttpRequest.Builder request) throws IOException {
    HttpResponse<String> response;
    try {
      response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (response.statusCode() / 100 != 2) {
      throw new RefusedException(
          "status " + response.statusCode() + ": " + shortened(response.body()));
    }
    return response.body();
  }

  /* Of an error with a stack trace: its causes. */
  static String shortened(String body) {
    String text = unescape(body);
    StringBuilder out = new StringBuilder();
    for (String line : text.lines().toList()) {
      if (!line.startsWith("\t") && !line.isBlank() && out.length() < 1000) {
        out.append(out.length() == 0 ? "" : "; ").append(line.strip());
      }
    }
    return out.toString();
  }

  /** The first field of this name in an answer, as text. */
  static String field(String json, String name) throws RefusedException {
    Matcher matcher =
        Pattern.compile(
                Pattern.quote("\"" + name + "\"")
                    + "\\s*:\\s*(\"((?:[^\"\\\\]|\\\\.)*+)\"|[^,}\\s]+)")
            .matcher(json);
    if (!matcher.find()) {
      throw new RefusedException("an answer without " + name + ": " + shortened(json));
    }
    return matcher.group(2) == null ? matcher.group(1) : unescape(matcher.group(2));
  }

  private static String unescape(String text) {
    return text.replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\"", "\"")
        .replace("\\\\", "\\");
  }
}
