package io.umbra.tools;

import io.umbra.tools.trace.TraceSession;
import io.umbra.vmm.DirtySeries;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.Guest;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.LockStep;
import io.umbra.vmm.LockStepPlan;
import io.umbra.vmm.MigratingGuest;
import io.umbra.vmm.Migration;
import io.umbra.vmm.Parting;
import io.umbra.vmm.loader.LoadException;
import io.umbra.x86.InvariantViolation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How far a guest is run, what is measured meanwhile, and what is told at the end: the options that {@code run} and {@code restore} have in common, and the run. */
final class Play {
    @Option(names = "--limit", paramLabel = "INSTRUCTIONS", description = "end after so many instructions")
    private @Nullable Long limit;

    @Option(names = "--timeout", paramLabel = "SECONDS", description = "end after so much time")
    private @Nullable Long timeout;

    @Option(
            names = "--report",
            paramLabel = "text|json|properties|none",
            description = "what the shadows did, at the end, on stderr (default: ${DEFAULT-VALUE})",
            defaultValue = "text")
    private String report = "text";

    @Option(names = "--report-file", paramLabel = "FILE", description = "write the report there instead of stderr")
    private @Nullable Path reportFile;

    @Option(
            names = "--screen",
            paramLabel = "FILE",
            description = "write what stands on the guest's text screen there at the end; - is stderr")
    private @Nullable Path screenFile;

    @Option(
            names = "--verify",
            description = "hold every translation of an address against the definition, and every translation of code"
                    + " against the interpreter, in lock-step; a difference ends the run")
    private boolean verify;

    @Mixin
    private LockStepOptions lockStep = new LockStepOptions();

    @Option(
            names = "--dirty-log",
            paramLabel = "PERIOD",
            description = "log the pages written to in each period of time, as 10ms, and report them",
            converter = Period.class)
    private @Nullable Long dirtyLog;

    @Option(
            names = "--dirty-log-verify",
            description = "hold all memory against that log at each period's end; a page that is missing ends the run."
                    + " Implied by --verify")
    private boolean dirtyLogVerify;

    @Option(
            names = "--save",
            paramLabel = "FILE",
            description = "save the guest there if it has not ended when the run does; `umbra restore` goes on with it")
    private @Nullable Path save;

    @Option(
            names = "--save-after",
            paramLabel = "INSTRUCTIONS",
            description = "end after so many instructions, with the guest saved")
    private @Nullable Long saveAfter;

    @Option(
            names = "--migrate-every",
            paramLabel = "PERIOD",
            description = "migrate the running guest into another domain each time so much time has passed, as 50ms",
            converter = Period.class)
    private @Nullable Long migrateEvery;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before the command is called
    private CommandSpec spec;

    boolean verifies() {
        return verify;
    }

    /** When a twin on the interpreter is compared with the guest; null for no twin. Where the user has asked for one that cannot be had, that is told. */
    @Nullable
    LockStepPlan lockStep(DomainConfig config) {
        if (!verify || !config.translation().translates()) {
            return null;
        }
        String hindrance = migrates() ? "a guest that migrates has none" : LockStep.hindrance(config);
        if (hindrance != null) {
            tellNoTwin(hindrance);
            return null;
        }
        return lockStep.plan();
    }

    /** What {@code --verify} does not do here, and why. */
    static void tellNoTwin(String why) {
        System.err.println("umbra: --verify has no twin on the interpreter to hold the guest against here: " + why);
    }

    boolean migrates() {
        return migrateEvery != null;
    }

    /** The guest is to go into a stream. */
    boolean sends() {
        return migrates() || save != null;
    }

    /** Of these options, those that the run is a function of. */
    Map<String, String> inputs() {
        return Map.of(
                "limit", limit == null ? "none" : limit.toString(),
                "save-after", saveAfter == null ? "none" : saveAfter.toString(),
                "dirty-log", dirtyLog == null ? "off" : dirtyLog.toString());
    }

    /** Before anything is made: that the options agree, and that what will be written can be. */
    void check() {
        if (limit != null && limit <= 0 || timeout != null && timeout <= 0) {
            throw mistake("--limit and --timeout must be positive");
        }
        if (dirtyLogVerify && dirtyLog == null) {
            throw mistake("--dirty-log-verify needs --dirty-log PERIOD");
        }
        if (migrateEvery != null && dirtyLog != null) {
            throw mistake("--migrate-every logs dirty pages itself: it cannot be had together with --dirty-log");
        }
        if (saveAfter != null && (save == null || saveAfter <= 0)) {
            throw mistake(save == null ? "--save-after needs --save FILE" : "--save-after must be positive");
        }
        lockStep.check(verify);
        format();
        if (save != null) {
            try {
                SaveFile.check(save);
            } catch (IOException e) {
                throw mistake(String.valueOf(e.getMessage()));
            }
        }
        if (reportFile != null) {
            Output.check(spec, "report", reportFile);
        }
        if (screenFile != null && !isStandardError(screenFile)) {
            Output.check(spec, "screen", screenFile);
        }
    }

    private Report.Format format() {
        for (Report.Format format : Report.Format.values()) {
            if (format.name().equalsIgnoreCase(report)) {
                return format;
            }
        }
        throw mistake("--report cannot be '" + report + "'");
    }

    /** Runs the guest to its end and says how that was. @return the exit status */
    int play(Domain domain, GuestConsole console) {
        return play(domain, console, TraceSession.none(), new Tracing());
    }

    /** The same, while the engine is traced. */
    int play(Domain domain, GuestConsole console, TraceSession session, Tracing tracing) {
        domain.limit(limitOf(domain));
        if (migrateEvery == null) {
            DirtySeries dirty = dirtyLog == null ? null : domain.logDirty(dirtyLog, dirtyLogVerify || verify);
            try (domain) {
                return play(domain, console, dirty, null, session, tracing);
            }
        }
        try (MigratingGuest guest = new MigratingGuest(domain, migrateEvery, MigratingGuest.LINK, console)) {
            return play(guest, console, null, guest.migrations(), session, tracing);
        }
    }

    /** The same in lock-step with a twin. */
    int play(LockStep both, GuestConsole console, TraceSession session, Tracing tracing) {
        both.limit(limitOf(both));
        DirtySeries dirty = dirtyLog == null ? null : both.logDirty(dirtyLog, true);
        try (both) {
            return play(both, console, dirty, null, session, tracing);
        }
    }

    private long limitOf(Guest guest) {
        long end = Math.min(limit == null ? Long.MAX_VALUE : limit, saveAfter == null ? Long.MAX_VALUE : saveAfter);
        long retired = guest.domain().instructions();
        if (end <= retired) {
            guest.close();
            throw mistake("the guest has retired %d instructions already".formatted(retired));
        }
        return end;
    }

    /**
     * The same for a PV guest.
     *
     * @param initrd empty for none
     * @throws LoadException with one line for the user
     */
    int play(PvRun run, byte[] kernel, String name, String commandLine, byte[] initrd) throws LoadException {
        check();
        if (dirtyLog != null || screenFile != null || save != null || migrateEvery != null) {
            throw mistake("--dirty-log, --screen, --save and --migrate-every are not for pv guests");
        }
        PvRun.Request request = new PvRun.Request(kernel, name, commandLine, initrd, limit);
        PvRun.Ended ended = run.run(request, this::startTimeout);
        deliver(
                switch (format()) {
                    case TEXT -> ended.report().text();
                    case JSON -> ended.report().json();
                    case PROPERTIES -> ended.report().properties();
                    case NONE -> endOnly(ended.end());
                });
        return status(ended.end(), false);
    }

    private int play(
            Guest guest,
            GuestConsole console,
            @Nullable DirtySeries dirty,
            @Nullable List<Migration> migrations,
            TraceSession session,
            Tracing tracing) {
        try (EndOnInterrupt _ = new EndOnInterrupt(guest::stop)) {
            startTimeout(guest::stop);
            Progress progress = new Progress(guest, System.err);
            if (Boolean.getBoolean("umbra.progress")) {
                console.announceTo(progress);
                progress.start();
            }
            console.onFailure(() -> guest.stop(new GuestEnd.Stopped("nobody reads the guest's console any more")));
            session.onStop(() -> guest.stop(new GuestEnd.Stopped("its trace ends here")));
            long start = System.nanoTime();
            GuestEnd end = run(guest, console);
            double seconds = (System.nanoTime() - start) / 1e9;
            progress.close();
            console.flush();
            Domain domain = guest.domain();
            int status = tracing.end(session, isWhole(end, domain), status(end, isSaved(domain)));
            if (save != null) {
                end = save(save, domain, end);
            }
            writeScreen(domain);
            RunResult result = RunResult.of(domain, domain.config(), end, status, seconds);
            long compared = guest instanceof LockStep both ? both.comparisons() : 0;
            write(new Report(result, verify, compared, dirty, migrations), end);
            return status;
        }
    }

    private static GuestEnd run(Guest guest, GuestConsole console) {
        try {
            return guest.run();
        } catch (InvariantViolation broken) {
            Parting parting = guest instanceof LockStep both ? both.parting() : null;
            if (parting != null) {
                console.flush();
                System.err.print(parting.text());
                System.err.flush();
            }
            throw broken;
        }
    }

    /** Whether the same run would end here again. */
    private boolean isWhole(GuestEnd end, Domain domain) {
        return switch (end) {
            case GuestEnd.Stopped _ -> false;
            case GuestEnd.LimitReached _ -> limit != null && domain.instructions() >= limit || isSaved(domain);
            default -> true;
        };
    }

    private void startTimeout(Consumer<GuestEnd> stop) {
        Long seconds = timeout;
        if (seconds == null) {
            return;
        }
        Thread.ofVirtual().start(() -> {
            try {
                Thread.sleep(Math.multiplyExact(Math.min(seconds, Integer.MAX_VALUE), 1000L));
                stop.accept(new GuestEnd.LimitReached("the time-out of " + seconds + " s was reached"));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** It came as far as it was to be saved at. */
    private boolean isSaved(Domain domain) {
        return saveAfter != null && domain.instructions() >= saveAfter;
    }

    /** That the guest is saved where the user wanted it to be is what was asked for. */
    static int status(GuestEnd end, boolean saved) {
        return switch (end) {
            case GuestEnd.PoweredOff off -> ExitStatus.OK;
            case GuestEnd.DebugExit exit -> exit.value() == 0 ? ExitStatus.OK : ExitStatus.GUEST_FAILED;
            case GuestEnd.Reset reset -> ExitStatus.GUEST_FAILED;
            case GuestEnd.Crashed crashed -> ExitStatus.GUEST_FAILED;
            case GuestEnd.LimitReached reached -> saved ? ExitStatus.OK : ExitStatus.LIMIT_REACHED;
            case GuestEnd.Stopped stopped -> ExitStatus.GUEST_FAILED;
        };
    }

    /** @return the end, with what became of saving */
    private GuestEnd save(Path file, Domain domain, GuestEnd end) {
        if (!(end instanceof GuestEnd.LimitReached)) {
            System.err.println("umbra: nothing was saved, for the guest has ended");
            return end;
        }
        try {
            SaveFile.write(file, domain);
        } catch (IOException e) {
            throw mistake("cannot save the guest: " + e.getMessage());
        }
        String saved = String.format(
                Locale.ROOT, "the guest was saved after %d instructions to '%s'", domain.instructions(), file);
        boolean asWanted = saveAfter != null && domain.instructions() >= saveAfter;
        return new GuestEnd.LimitReached(asWanted ? saved : end.message() + ", and " + saved);
    }

    // ---- what is written at the end
    // ----------------------------------------------------------------------------------

    private static boolean isStandardError(@Nullable Path file) {
        return file != null && file.toString().equals("-");
    }

    private void writeScreen(Domain domain) {
        if (isStandardError(screenFile)) {
            System.err.print(domain.screen());
            System.err.flush();
        } else if (screenFile != null) {
            Output.write(spec, "screen", screenFile, domain.screen());
        }
    }

    private void write(Report result, GuestEnd end) {
        deliver(
                switch (format()) {
                    case TEXT -> result.text();
                    case JSON -> result.json();
                    case PROPERTIES -> result.properties();
                    case NONE -> endOnly(end);
                });
    }

    /** What is told though nothing was asked for. */
    private static String endOnly(GuestEnd end) {
        return end instanceof GuestEnd.PoweredOff ? "" : "umbra: " + end.message() + "\n";
    }

    private void deliver(String text) {
        if (reportFile == null) {
            System.err.print(text);
            System.err.flush();
        } else {
            Output.write(spec, "report", reportFile, text);
        }
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
