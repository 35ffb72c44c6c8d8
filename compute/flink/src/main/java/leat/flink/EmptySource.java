package leat.flink;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * A bounded source of nothing: the beginning of a stage that reads no other stage. Its operator has
 * its task from its own number, and begins when this ends.
 */
final class EmptySource implements Source<Rows, EmptySource.NoSplit, Boolean> {
  private static final long serialVersionUID = 1;

  /** There is none. */
  static final class NoSplit implements SourceSplit {
    @Override
    public String splitId() {
      return "";
    }
  }

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.BOUNDED;
  }

  @Override
  public SplitEnumerator<NoSplit, Boolean> createEnumerator(SplitEnumeratorContext<NoSplit> c) {
    return new Enumerator();
  }

  @Override
  public SplitEnumerator<NoSplit, Boolean> restoreEnumerator(
      SplitEnumeratorContext<NoSplit> context, Boolean state) {
    return new Enumerator();
  }

  @Override
  public SimpleVersionedSerializer<NoSplit> getSplitSerializer() {
    return new Nothing<>(new NoSplit());
  }

  @Override
  public SimpleVersionedSerializer<Boolean> getEnumeratorCheckpointSerializer() {
    return new Nothing<>(true);
  }

  @Override
  public SourceReader<Rows, NoSplit> createReader(SourceReaderContext context) {
    return new Reader();
  }

  private record Nothing<T>(T value) implements SimpleVersionedSerializer<T> {
    @Override
    public int getVersion() {
      return 1;
    }

    @Override
    public byte[] serialize(T thing) {
      return new byte[0];
    }

    @Override
    public T deserialize(int version, byte[] bytes) {
      return value;
    }
  }

  private static final class Enumerator implements SplitEnumerator<NoSplit, Boolean> {
    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int reader, String host) {}

    @Override
    public void addSplitsBack(List<NoSplit> splits, int reader) {}

    @Override
    public void addReader(int reader) {}

    @Override
    public Boolean snapshotState(long checkpoint) {
      return true;
    }

    @Override
    public void close() {}
  }

  private static final class Reader implements SourceReader<Rows, NoSplit> {
    @Override
    public void start() {}

    @Override
    public InputStatus pollNext(ReaderOutput<Rows> output) {
      return InputStatus.END_OF_INPUT;
    }

    @Override
    public List<NoSplit> snapshotState(long checkpoint) {
      return List.of();
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void addSplits(List<NoSplit> splits) {}

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public void close() {}
  }
}
