package leat.jvm;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Workers that wait for another task, so that most tasks need not start one. A worker that had
 * nothing to do for some seconds is ended, as it holds memory. If this process dies, their pipes
 * end and so do they. For all threads.
 */
public final class WorkerPool {
  private static final long IDLE_MILLIS = 5_000;

  private record Idle(Worker worker, long since) {}

  private final Map<String, Deque<Idle>> idle = new HashMap<>();
  private Thread sweeper;
  private boolean closed;

  /** A worker without a task: one that waited, or a new one. */
  public Worker take(String program, String version) throws IOException {
    for (; ; ) {
      Idle entry;
      synchronized (this) {
        Deque<Idle> waiting = idle.get(program);
        entry = waiting == null ? null : waiting.pollLast();
      }
      if (entry == null) {
        return Worker.start(program, version);
      }
      if (entry.worker().isIdle()) {
        return entry.worker();
      }
      entry.worker().close();
    }
  }

  /** Keeps the worker if it ended its task, else kills it. */
  public void giveBack(String program, Worker worker) {
    synchronized (this) {
      if (!closed && worker.isIdle()) {
        idle.computeIfAbsent(program, p -> new ArrayDeque<>())
            .addLast(new Idle(worker, System.nanoTime()));
        if (sweeper == null) {
          sweeper = new Thread(this::sweep, "leat-pool");
          sweeper.setDaemon(true);
          sweeper.start();
        }
        return;
      }
    }
    worker.close();
  }

  /** Ends all that wait; those given back later are ended too. */
  public void close() {
    synchronized (this) {
      closed = true;
      if (sweeper != null) {
        sweeper.interrupt();
      }
    }
    endOlder(Long.MIN_VALUE);
  }

  private void sweep() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        Thread.sleep(IDLE_MILLIS / 5);
        endOlder(IDLE_MILLIS * 1_000_000);
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  private void endOlder(long nanos) {
    Deque<Worker> old = new ArrayDeque<>();
    long now = System.nanoTime();
    synchronized (this) {
      for (Deque<Idle> waiting : idle.values()) {
        while (!waiting.isEmpty() && now - waiting.peekFirst().since() > nanos) {
          old.add(waiting.pollFirst().worker());
        }
      }
    }
    old.forEach(Worker::close);
  }
}
