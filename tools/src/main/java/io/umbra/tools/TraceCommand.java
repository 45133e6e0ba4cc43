package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.tools.trace.EventKind;
import io.umbra.tools.trace.TraceEvent;
import io.umbra.tools.trace.TraceException;
import io.umbra.tools.trace.TraceFilter;
import io.umbra.tools.trace.TraceReader;
import io.umbra.tools.trace.TraceSummary;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what a run's trace holds. */
@Command(
        name = "trace",
        description = "Print the events that `umbra run --trace FILE` logged, or sum them up.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "A line has the count of retired instructions, the kind of event, and its fields. `umbra run --replay FILE`",
            "runs the guest again and holds every event against the log. Exit status: 0 well, 2 usage or a broken file.",
            "",
            "Example: umbra trace boot.trace --kind fault,outcome --from 1000000 --to 1100000"
        })
final class TraceCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "written by `umbra run --trace`")
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private Path file;

    @Option(
            names = "--kind",
            arity = "1..*",
            split = ",",
            paramLabel = "KIND",
            description = "only events of these kinds, as fault,outcome")
    private List<String> kinds = new ArrayList<>();

    @Option(names = "--from", paramLabel = "N", description = "only from this count of instructions on")
    private long from;

    @Option(names = "--to", paramLabel = "N", description = "only up to this count of instructions")
    private long to = Long.MAX_VALUE;

    @Option(
            names = "--gfn",
            paramLabel = "FRAME",
            description = "only events that name this guest frame, or the machine frame behind it",
            converter = Address.class)
    private @Nullable Long gfn;

    @Option(
            names = "--linear",
            paramLabel = "ADDRESS",
            description = "only faults in the page of this linear address, with all that belongs to them",
            converter = Address.class)
    private @Nullable Long linear;

    @Option(names = "--json", description = "an object a line")
    private boolean json;

    @Option(names = "--header", description = "what determined the run, and no events")
    private boolean header;

    @Option(
            names = "--summary",
            description = "the counters, computed from the events, and how many events of each kind")
    private boolean summary;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        TraceFilter filter = new TraceFilter(chosenKinds(), from, to, gfn, linear);
        PrintWriter out = spec.commandLine().getOut();
        try (TraceReader reader = new TraceReader(file)) {
            if (header) {
                out.print(reader.header().text());
            } else if (summary) {
                summarise(reader, out);
            } else {
                print(reader, filter.new Pass(), out);
            }
            out.flush();
            return ExitStatus.OK;
        } catch (TraceException e) {
            out.flush();
            throw mistake("'" + file + "' cannot be read as a trace: " + e.getMessage());
        } catch (IOException e) {
            out.flush();
            throw mistake("cannot read '" + file + "': " + reason(e));
        }
    }

    private Set<EventKind> chosenKinds() {
        Set<EventKind> chosen = EnumSet.noneOf(EventKind.class);
        for (String label : kinds) {
            chosen.add(EventKind.of(label)
                    .orElseThrow(() -> mistake("--kind cannot be '" + label + "': kinds are " + known())));
        }
        return chosen;
    }

    private static String known() {
        return String.join(
                ", ",
                EnumSet.allOf(EventKind.class).stream().map(EventKind::label).toList());
    }

    private void print(TraceReader reader, TraceFilter.Pass pass, PrintWriter out) throws IOException, TraceException {
        for (TraceEvent event = reader.next(); event != null && !out.checkError(); event = reader.next()) {
            if (pass.shows(event)) {
                out.println(json ? event.json() : event.text());
            }
        }
    }

    private void summarise(TraceReader reader, PrintWriter out) throws IOException, TraceException {
        TraceSummary sum = new TraceSummary(reader.header());
        for (TraceEvent event = reader.next(); event != null; event = reader.next()) {
            sum.add(event);
        }
        if (json) {
            out.print(new Json()
                    .object()
                    .field("instructions", sum.instructions())
                    .numbers("events", sum.events())
                    .numbers("counters", sum.counters())
                    .close()
                    .finished());
            return;
        }
        sum.events().forEach((label, count) -> out.println("%15d  %s events".formatted(count, label)));
        for (Counter counter : Counter.values()) {
            if (sum.get(counter) != 0) {
                out.println("%15d  %-21s %s".formatted(sum.get(counter), counter.label(), counter.description()));
            }
        }
    }

    private String reason(IOException e) {
        return Files.isDirectory(file)
                ? "it is a directory"
                : e instanceof NoSuchFileException ? "it does not exist" : String.valueOf(e.getMessage());
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
