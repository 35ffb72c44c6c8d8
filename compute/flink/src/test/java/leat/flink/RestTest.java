package leat.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class RestTest {
  @Test
  void fieldsOfAnAnswer() throws Exception {
    String json = "{\"a\":{\"slots-total\": 12,\"x\":\"one \\\"two\\\"\\nthree\"},\"last\":true}";
    assertEquals("12", Rest.field(json, "slots-total"));
    assertEquals("one \"two\"\nthree", Rest.field(json, "x"));
    assertEquals("true", Rest.field(json, "last"));
    assertThrows(Rest.RefusedException.class, () -> Rest.field(json, "total"));
  }

  @Test
  void ofAnErrorItsCausesAreTold() {
    assertEquals(
        "java.io.IOException: a; Caused by: b",
        Rest.shortened(
            "java.io.IOException: a\\n\\tat x.y(Z.java:1)\\nCaused by: b\\n\\t... 3 more"));
  }
}
