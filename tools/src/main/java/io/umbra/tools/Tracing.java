package io.umbra.tools;

import io.umbra.tools.trace.TraceException;
import io.umbra.tools.trace.TraceHeader;
import io.umbra.tools.trace.TraceSession;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The log of what the engine does in a run, written or held against one that was: the options of {@code run} for it. */
final class Tracing {
    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "log what the engine does there, event by event; `umbra trace` shows it")
    private @Nullable Path traceFile;

    @Option(
            names = "--replay",
            paramLabel = "FILE",
            description =
                    "hold every event against this log of the same run; the first difference ends it, with status 1")
    private @Nullable Path replayFile;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before the command is called
    private CommandSpec spec;

    boolean isOn() {
        return traceFile != null || replayFile != null;
    }

    /**
     * @param inputs everything that the run is a function of, but for what is typed while it runs
     * @param isWallTime it is a function of the host's clock too
     */
    TraceSession session(Supplier<Map<String, String>> inputs, boolean isWallTime) {
        if (traceFile != null && replayFile != null) {
            throw mistake("--trace and --replay cannot be had together");
        }
        if (replayFile != null && isWallTime) {
            throw mistake("--replay needs --time virtual: with the host's clock no run is like another");
        }
        if (traceFile != null) {
            return writing(traceFile, header(inputs.get()));
        }
        return replayFile == null ? TraceSession.none() : replaying(replayFile, header(inputs.get()));
    }

    private TraceHeader header(Map<String, String> inputs) {
        String line = String.join(" ", spec.commandLine().getParseResult().originalArgs());
        return TraceHeader.of(inputs, Map.of("command", line));
    }

    private TraceSession writing(Path file, TraceHeader header) {
        Output.check(spec, "trace", file);
        try {
            return TraceSession.writing(file, header);
        } catch (TraceException e) {
            throw mistake("cannot write the trace to '" + file + "': " + e.getMessage());
        } catch (IOException e) {
            throw mistake("the trace cannot be written: " + e.getMessage());
        }
    }

    private TraceSession replaying(Path file, TraceHeader header) {
        try {
            return TraceSession.replaying(file, header);
        } catch (TraceException e) {
            throw mistake("'" + file + "' cannot be replayed: " + e.getMessage());
        } catch (IOException e) {
            throw mistake("cannot read '" + file + "': "
                    + (e instanceof NoSuchFileException ? "it does not exist" : e.getMessage()));
        }
    }

    /**
     * The run has ended.
     *
     * @param isWhole it would have gone on no further by itself
     * @return the status of the run, or that of a replay that differs
     */
    int end(TraceSession session, boolean isWhole, int status) {
        try {
            session.end(status, isWhole);
        } catch (TraceException e) {
            throw mistake("'" + replayFile + "' cannot be replayed: " + e.getMessage());
        } catch (IOException e) {
            throw mistake("the trace failed: " + e.getMessage());
        }
        String difference = session.difference();
        if (difference != null) {
            System.err.print(difference);
            return ExitStatus.GUEST_FAILED;
        }
        if (session.isReplay()) {
            System.err.println("umbra: the replay made the same " + session.compared() + " events");
        }
        return session.status(status);
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
