package io.umbra.tools;

import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.XenPvKernel;
import io.umbra.vmm.pv.PvConfig;
import io.umbra.vmm.pv.PvDomain;
import io.umbra.vmm.pv.ShadowSwitch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Runs a PV guest, from its kernel's image to how it ended. */
final class PvRun {
    private final PvConfig config;
    private final GuestConsole console;
    private final ConsoleInput input;
    private final @Nullable Long switchShadows;
    private final boolean verify;

    /** @param switchShadows a period in nanoseconds, or null for never */
    PvRun(PvConfig config, GuestConsole console, ConsoleInput input, @Nullable Long switchShadows, boolean verify) {
        this.switchShadows = switchShadows;
        this.verify = verify;
        this.config = config;
        this.console = console;
        this.input = input;
    }

    /**
     * What is to run.
     *
     * @param initrd empty for none
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Request(
            byte[] kernel,
            String name,
            String commandLine,
            byte[] initrd,
            @Nullable Long limit) {}

    /** How it ended, and what was counted. */
    record Ended(GuestEnd end, PvReport report) {}

    /**
     * @param started is given what ends the domain soon, from any thread
     * @throws LoadException with one line for the user
     */
    Ended run(Request request, Consumer<Consumer<GuestEnd>> started) throws LoadException {
        XenPvKernel kernel = XenPvKernel.recognise(request.kernel(), request.name());
        try (PvDomain domain = new PvDomain(config, console, input)) {
            domain.load(kernel, request.commandLine(), request.initrd());
            ShadowSwitch turned = switchShadows == null ? null : domain.switchShadows(switchShadows, verify);
            if (request.limit() != null) {
                domain.limit(request.limit());
            }
            started.accept(domain::stop);
            console.onFailure(() -> domain.stop(new GuestEnd.Stopped("nobody reads the guest's console any more")));
            return run(domain, turned);
        }
    }

    private Ended run(PvDomain domain, @Nullable ShadowSwitch turned) {
        try (EndOnInterrupt _ = new EndOnInterrupt(domain::stop)) {
            long start = System.nanoTime();
            GuestEnd end = domain.run();
            double seconds = (System.nanoTime() - start) / 1e9;
            console.flush();
            PvResult pv = PvResult.of(domain, turned);
            RunResult result = RunResult.of(domain, config, end, Play.status(end, false), seconds, pv);
            String registers = end instanceof GuestEnd.Crashed ? domain.registers() : "";
            return new Ended(end, new PvReport(result, pv, registers));
        }
    }
}
