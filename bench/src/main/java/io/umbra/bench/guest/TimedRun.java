package io.umbra.bench.guest;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** One process whose console is watched: the host's clock and the CPU time of the process are read when the guest's marks arrive. */
final class TimedRun {
    private static final int SHOWN = 15;
    private static final int PATIENCE_SECONDS = 10;

    private final List<String> command;
    private final Guest guest;
    private final Path errors;
    private final Duration limit;

    /**
     * @param errors where the process's standard error goes
     * @param limit after which the process is ended and the run has failed
     */
    TimedRun(List<String> command, Guest guest, Path errors, Duration limit) {
        this.command = List.copyOf(command);
        this.guest = guest;
        this.errors = errors;
        this.limit = limit;
    }

    /**
     * Also waits for the process to end, or ends it.
     *
     * @throws BenchException when the marks do not come; it shows the last lines of the console
     */
    Measured play() throws IOException, InterruptedException, BenchException {
        long started = System.nanoTime();
        Process process = new ProcessBuilder(command)
                .redirectInput(Redirect.from(new File("/dev/null")))
                .redirectError(errors.toFile())
                .start();
        Thread watchdog = Thread.ofVirtual().start(() -> endAfterTheLimit(process));
        try (BufferedReader console =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1))) {
            Measured measured = watch(console, process, started);
            console.transferTo(Writer.nullWriter()); // a guest that cannot write its console would not end
            return measured;
        } finally {
            watchdog.interrupt();
            end(process);
        }
    }

    private Measured watch(BufferedReader console, Process process, long started) throws IOException, BenchException {
        Deque<String> last = new ArrayDeque<>();
        boolean isRunning = guest.begin().isEmpty();
        long begun = started;
        Duration before = Duration.ZERO;
        Duration spent = Duration.ZERO; // a process that has just ended tells no more
        for (String line = console.readLine(); line != null; line = console.readLine()) {
            long now = System.nanoTime();
            last.add(line);
            if (last.size() > SHOWN) {
                last.remove();
            }
            if (!isRunning && line.contains(guest.begin().orElseThrow())) {
                isRunning = true;
                begun = now;
                before = cpu(process);
                spent = before;
            } else if (isRunning) {
                spent = process.info().totalCpuDuration().orElse(spent);
                if (line.contains(guest.end())) {
                    return new Measured((now - begun) / 1e9, spent.minus(before).toNanos() / 1e9);
                }
            }
        }
        throw new BenchException(
                BenchException.FAILED,
                "guest %s did not come to '%s' (it has %d s); command: %s%nlast lines of its console:%n%s%nstandard error: %s"
                        .formatted(
                                guest.name(),
                                guest.end(),
                                limit.toSeconds(),
                                String.join(" ", command),
                                String.join(System.lineSeparator(), last),
                                errors));
    }

    private static Duration cpu(Process process) {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    private void endAfterTheLimit(Process process) {
        try {
            if (!process.waitFor(limit.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void end(Process process) throws InterruptedException {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
