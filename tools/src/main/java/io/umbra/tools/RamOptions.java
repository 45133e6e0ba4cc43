package io.umbra.tools;

import io.umbra.vmm.RamPlan;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** When the guest's RAM gets its frames: the options of {@code run} for it. */
final class RamOptions {
    @Option(
            names = "--populate-on-demand",
            description = "give the guest's RAM its frames when it is used, not at the start")
    private boolean populateOnDemand;

    @Option(
            names = "--resident",
            paramLabel = "SIZE",
            description = "RAM that is in memory at the same time, at most, as 32M; the rest is paged out."
                    + " Implies --populate-on-demand",
            converter = MemorySize.class)
    private @Nullable Long resident;

    @Option(
            names = "--merge-every",
            paramLabel = "PERIOD",
            description = "after each period of time, as 100ms, keep pages with the same bytes once, and copy on write."
                    + " Implies --populate-on-demand",
            converter = Period.class)
    private @Nullable Long mergeEvery;

    @Spec(Spec.Target.MIXEE)
    @SuppressWarnings("NullAway.Init") // picocli sets it before the command is called
    private CommandSpec spec;

    RamPlan plan() {
        try {
            boolean onDemand = populateOnDemand || resident != null || mergeEvery != null;
            return new RamPlan(
                    onDemand, resident == null ? Long.MAX_VALUE : resident, mergeEvery == null ? 0 : mergeEvery);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()));
        }
    }
}
