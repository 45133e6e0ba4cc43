package io.umbra.tools;

import io.umbra.vmm.LockStepPlan;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** When {@code --verify} compares a guest with its interpreted twin. */
final class LockStepOptions {
    @Option(
            names = "--lock-step-every",
            paramLabel = "INSTRUCTIONS",
            description =
                    "with --verify: how often registers and TLB are compared with those of a twin on the interpreter"
                            + " (default: 100000)")
    private @Nullable Long every;

    @Option(
            names = "--lock-step-memory",
            paramLabel = "INSTRUCTIONS",
            description = "the same for all memory and the devices (default: 10000000)")
    private @Nullable Long memoryEvery;

    @Option(
            names = "--lock-step-from",
            paramLabel = "INSTRUCTIONS",
            description = "no comparison before that: for a closer look at what was found")
    private @Nullable Long from;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before the command is called
    private CommandSpec spec;

    /** Before anything is made: that the options agree. */
    void check(boolean verify) {
        boolean isGiven = every != null || memoryEvery != null || from != null;
        if (isGiven && !verify) {
            throw mistake("--lock-step-every, --lock-step-memory and --lock-step-from need --verify");
        }
        if (every != null && every <= 0 || memoryEvery != null && memoryEvery <= 0 || from != null && from < 0) {
            throw mistake("--lock-step-every and --lock-step-memory must be positive, --lock-step-from not negative");
        }
    }

    LockStepPlan plan() {
        LockStepPlan plain = LockStepPlan.DEFAULT;
        return new LockStepPlan(
                from == null ? plain.from() : from,
                every == null ? plain.every() : every,
                memoryEvery == null ? plain.memoryEvery() : memoryEvery);
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
