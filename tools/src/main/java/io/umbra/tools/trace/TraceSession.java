package io.umbra.tools.trace;

import io.umbra.shadow.Trace;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What a run has to do with traces: nothing, writing one, or being held against one. */
public final class TraceSession implements AutoCloseable {
    private final @Nullable TraceWriter writer;
    private final @Nullable TraceReplay replay;
    private Runnable stop = () -> {};
    private boolean stopped;

    private TraceSession(@Nullable TraceWriter writer, @Nullable TraceReplay replay) {
        this.writer = writer;
        this.replay = replay;
    }

    public static TraceSession none() {
        return new TraceSession(null, null);
    }

    /**
     * Begins the file anew, unless it is there and holds something else than a trace.
     *
     * @throws IOException when the file cannot be written
     * @throws TraceException when it is not overwritten
     */
    public static TraceSession writing(Path file, TraceHeader header) throws IOException, TraceException {
        if (Files.isRegularFile(file) && Files.size(file) > 0 && !TraceHeader.begins(file)) {
            throw new TraceException("it is no trace, and is not overwritten");
        }
        Runnable[] stopping = {() -> {}};
        TraceSession session = new TraceSession(
                new TraceWriter(new BufferedOutputStream(Files.newOutputStream(file)), header, () -> stopping[0].run()),
                null);
        stopping[0] = session::stop;
        return session;
    }

    /**
     * Checks that the run is determined as that of the log was.
     *
     * @throws TraceException when it is not, or the file is no trace
     * @throws IOException when it cannot be read
     */
    public static TraceSession replaying(Path file, TraceHeader header) throws IOException, TraceException {
        TraceReader log = new TraceReader(file);
        String difference = log.header().difference(header).orElse(null);
        if (difference != null) {
            log.close();
            throw new TraceException("it is of another run: " + difference);
        }
        Runnable[] stopping = {() -> {}};
        TraceSession session = new TraceSession(null, new TraceReplay(log, () -> stopping[0].run()));
        stopping[0] = session::stop;
        return session;
    }

    /** For the domain. */
    public Trace trace() {
        return writer != null ? writer : replay != null ? replay : Trace.OFF;
    }

    /** How to end the run early: when the file is full, or the replay has nothing more to compare. */
    public void onStop(Runnable action) {
        stop = action;
        if (stopped) {
            action.run();
        }
    }

    private void stop() {
        stopped = true;
        stop.run();
    }

    /**
     * The run has ended.
     *
     * @param whole the guest or its limit of instructions ended it, so that another run ends there as well
     * @throws IOException when the trace could not be written, or read
     * @throws TraceException when the log that was replayed is broken
     */
    public void end(int status, boolean whole) throws IOException, TraceException {
        if (writer != null) {
            writer.end(status, whole);
            writer.close();
        }
        if (replay != null) {
            replay.end(status, whole);
            replay.throwFailure();
        }
    }

    /** After the end of a replay: both events where the runs went apart, in lines; null where they did not. */
    public @Nullable String difference() {
        return replay == null ? null : replay.difference();
    }

    /** Whether a log is replayed. */
    public boolean isReplay() {
        return replay != null;
    }

    /** The status of the run: that of the log where it was ended from outside, and the replay with it. */
    public int status(int ofThisRun) {
        return replay == null || replay.cutShortWith() < 0 ? ofThisRun : (int) replay.cutShortWith();
    }

    /** Events that were the same. */
    public long compared() {
        return replay == null ? 0 : replay.compared();
    }

    @Override
    public void close() throws IOException {
        if (writer != null) {
            writer.close();
        }
        if (replay != null) {
            replay.close();
        }
    }
}
