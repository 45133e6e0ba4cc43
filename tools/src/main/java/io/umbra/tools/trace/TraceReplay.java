package io.umbra.tools.trace;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Holds the events of a run against those of a trace, one by one. */
final class TraceReplay extends EventTrace implements Closeable {
    private final TraceReader log;
    private final Runnable onEnd;
    private @Nullable String difference;
    private @Nullable Exception failure;
    private boolean done;
    private long cutShortWith = -1;

    /** @param onEnd called once, when there is nothing more to compare */
    TraceReplay(TraceReader log, Runnable onEnd) {
        this.log = log;
        this.onEnd = onEnd;
    }

    /** The first difference, in lines; null where there was none. */
    @Nullable
    String difference() {
        return difference;
    }

    /** What was wrong with the file. */
    void throwFailure() throws IOException, TraceException {
        if (failure instanceof IOException e) {
            throw e;
        }
        if (failure instanceof TraceException e) {
            throw e;
        }
    }

    /** The status with which the log's run ended, when it was ended from outside and the replay came so far; else -1. */
    long cutShortWith() {
        return cutShortWith;
    }

    long compared() {
        return log.count();
    }

    @Override
    void event(EventKind kind, long time, long a, long b, long c, long d, long e) {
        if (done) {
            return;
        }
        TraceEvent now = new TraceEvent(
                kind, time, List.of(a, b, c, d, e).subList(0, kind.fields().size()));
        try {
            compare(log.next(), now);
        } catch (IOException | TraceException broken) {
            failure = broken;
            stop();
        }
    }

    private void compare(@Nullable TraceEvent logged, TraceEvent now) {
        if (logged == null || logged.equals(now)) {
            return;
        }
        boolean wasCutShort = logged.kind() == EventKind.END && logged.value("whole") == 0;
        if (wasCutShort) {
            cutShortWith = logged.value("status");
        } else {
            difference = "umbra: the replay differs at event %d\n  the log  %s\n  now      %s\n"
                    .formatted(log.count(), logged.text(), now.text());
        }
        stop();
    }

    private void stop() {
        done = true;
        onEnd.run();
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
