package io.umbra.tools;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Runs of one guest, several at a time, each with files of its own in a directory that is the caller's to delete. */
final class RunBatch {
    private final GuestRunner runner;
    private final int jobs;
    private final Runnable onEnd;

    /**
     * @param jobs runs at once, at most
     * @param onEnd called after each run, from any thread
     */
    RunBatch(GuestRunner runner, int jobs, Runnable onEnd) {
        this.runner = runner;
        this.jobs = jobs;
        this.onEnd = onEnd;
    }

    /**
     * One run for each combination, in their order. When a run ends with {@link ExitStatus#USAGE}, which is the user's to mend, those behind it in the list that have
     * not ended are given up, and the list ends with it.
     *
     * @param arguments of {@code umbra run}
     */
    List<Ran> run(RunArguments arguments, List<Combination> combinations, Path directory) {
        List<Ran> ended = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(jobs)) {
            List<Future<Ran>> runs = new ArrayList<>();
            for (Combination combination : combinations) {
                Path files = directory.resolve(Integer.toString(runs.size()));
                runs.add(threads.submit(() -> run(arguments, combination, files)));
            }
            for (Future<Ran> run : runs) {
                Ran result = await(run);
                ended.add(result);
                if (result.status() == ExitStatus.USAGE) {
                    threads.shutdownNow();
                    break;
                }
            }
        }
        return ended;
    }

    private static Ran await(Future<Ran> run) {
        try {
            return run.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a run cannot be started: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private Ran run(RunArguments own, Combination combination, Path files) throws IOException, InterruptedException {
        Files.createDirectories(files);
        Path console = Files.createFile(files.resolve("console"));
        Path errors = Files.createFile(files.resolve("errors"));
        Path report = files.resolve("report");
        List<String> arguments = new ArrayList<>(List.of("run", "--report=properties"));
        arguments.add("--report-file=" + report);
        arguments.addAll(own.of(combination));
        int status = runner.run(arguments, console, errors);
        onEnd.run();
        return new Ran(combination, status, read(report), console, lastLine(errors));
    }

    private static @Nullable RunResult read(Path report) {
        try (Reader reader = Files.newBufferedReader(report)) {
            return RunResult.parse(reader);
        } catch (IOException e) {
            return null; // the run came to no end: its status and its last words say why
        }
    }

    private static String lastLine(Path errors) {
        try {
            return new String(Files.readAllBytes(errors), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .reduce("", (before, line) -> line);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
