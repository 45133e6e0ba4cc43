package io.umbra.vmm;

import io.umbra.processor.Translation;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.StateImage;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A guest that runs twice: as it was asked for, and beside it in a twin whose processor interprets. Both are brought to the same instruction, again and again, and must hold the same there:
 * registers, TLB, counters, console, devices and all machine memory, shadows included. So each translated instruction is held against its definition, with all that it led to.
 *
 * <p>The twin is neither verified nor traced; that this changes nothing is a part of what is held. It reads, prints and writes nothing outside: what was typed it gets from the first machine,
 * at the same moment of its run ({@link RecordedInput}). One thread runs both, one after the other.
 */
public final class LockStep implements Guest {
    /** Makes a machine, the same each time: loaded and ready to run. */
    @FunctionalInterface
    public interface Maker<E extends Exception> {
        /**
         * @param role which of the two it will be
         * @param console takes what it prints
         */
        Domain make(Role role, IntConsumer console, ConsoleInput input) throws E;
    }

    /** What a machine is in the lock-step. */
    public enum Role {
        /** Runs as it was asked for. */
        FIRST,
        /** Interprets. */
        TWIN;

        /** Of what is asked for, what is made. */
        public DomainConfig of(DomainConfig config) {
            return switch (this) {
                case FIRST -> config;
                case TWIN -> config.with(Translation.OFF).withVerify(false);
            };
        }
    }

    private final Domain first;
    private final Domain twin;
    private final ConsoleSum printed;
    private final ConsoleSum twinPrinted;
    private final RecordedInput input;
    private final LockStepPlan plan;
    private final MachineComparison comparison;
    private final StateImage image = new StateImage();
    private final StateImage twinImage = new StateImage();

    private long equalAt;
    private long ripThere;
    private long memoryEqualAt;
    private long comparisons;
    private @Nullable Parting parting;
    private volatile @Nullable GuestEnd stopReason;

    private LockStep(
            Domain first,
            Domain twin,
            ConsoleSum printed,
            ConsoleSum twinPrinted,
            RecordedInput input,
            LockStepPlan plan) {
        this.first = first;
        this.twin = twin;
        this.printed = printed;
        this.twinPrinted = twinPrinted;
        this.input = input;
        this.plan = plan;
        this.comparison = new MachineComparison(first, twin);
        this.equalAt = first.instructions();
        this.memoryEqualAt = equalAt;
    }

    /**
     * Makes both machines.
     *
     * @param console takes what the first prints
     * @throws E when {@code maker} does
     */
    public static <E extends Exception> LockStep of(
            Maker<E> maker, IntConsumer console, ConsoleInput input, LockStepPlan plan) throws E {
        RecordedInput recorded = new RecordedInput(input);
        ReplayedInput replayed = new ReplayedInput(recorded);
        ConsoleSum printed = new ConsoleSum(console);
        ConsoleSum twinPrinted = new ConsoleSum(value -> {});
        Domain first = maker.make(Role.FIRST, printed, recorded);
        boolean made = false;
        try {
            Domain twin = maker.make(Role.TWIN, twinPrinted, replayed);
            made = true;
            replayed.onStop(twin::stopBetweenExits);
            return new LockStep(first, twin, printed, twinPrinted, recorded, plan);
        } finally {
            if (!made) {
                first.close();
            }
        }
    }

    /** Why there can be no twin of such a machine, in some words; null when there can. */
    public static @Nullable String hindrance(DomainConfig config) {
        return config.wallTime() ? "under --time wall no two runs are the same" : null;
    }

    /** As {@link Domain#limit}. */
    public void limit(long instructions) {
        first.limit(instructions);
        twin.limit(instructions);
    }

    /** As {@link Domain#logDirty}. */
    public DirtySeries logDirty(long period, boolean verify) {
        twin.logDirty(period, false);
        return first.logDirty(period, verify);
    }

    /** How often the two were compared so far. */
    public long comparisons() {
        return comparisons;
    }

    /** Where the two went apart; null when they did not. */
    public @Nullable Parting parting() {
        return parting;
    }

    @Override
    public Domain domain() {
        return first;
    }

    /** For tests that plant a difference. */
    Domain twin() {
        return twin;
    }

    /** Takes effect between two exits, so that the twin can end there as well. */
    @Override
    public void stop(GuestEnd reason) {
        stopReason = reason;
        first.stopBetweenExits(reason);
    }

    /** @throws InvariantViolation ({@code LOCKSTEP-1}) when the two went apart */
    @Override
    public GuestEnd run() {
        first.begin();
        twin.begin();
        try {
            GuestEnd end = null;
            while (end == null) {
                end = advance();
            }
            twin.ended(end);
            return first.ended(end);
        } finally {
            first.drain();
            twin.drain();
        }
    }

    /**
     * Goes on to the next comparison, and makes it.
     *
     * @return null when the guest has not ended
     */
    @Nullable
    GuestEnd advance() {
        long target = plan.after(first.instructions());
        GuestEnd end = first.runTo(target);
        if (end != null && end == stopReason) {
            input.stopped(end);
        }
        GuestEnd twinEnd = twin.runTo(target);
        compare(end, twinEnd);
        return end;
    }

    private void compare(@Nullable GuestEnd end, @Nullable GuestEnd twinEnd) {
        describe(first, printed, image);
        describe(twin, twinPrinted, twinImage);
        long now = first.instructions();
        boolean isSame = image.isSameAs(twinImage) && Objects.equals(end, twinEnd);
        boolean isWhole = end != null || !isSame || now - memoryEqualAt >= plan.memoryEvery();
        List<FrameDifference> frames = isWhole ? comparison.allFrames() : comparison.writableFrames();
        List<String> devices = isWhole ? comparison.devices() : List.of();
        comparisons++;
        if (!isSame || !frames.isEmpty() || !devices.isEmpty()) {
            Parting found = new Parting(
                    equalAt, ripThere, memoryEqualAt, now, end, twinEnd, image.differences(twinImage), frames, devices);
            parting = found;
            throw new InvariantViolation("LOCKSTEP-1", found.summary());
        }
        equalAt = now;
        ripThere = first.rip();
        memoryEqualAt = isWhole ? now : memoryEqualAt;
    }

    /** Of a domain that broke off in the middle of an instruction only memory and devices are compared. */
    private static void describe(Domain domain, ConsoleSum console, StateImage image) {
        image.clear();
        if (!domain.isBrokenOff()) {
            domain.describe(image);
        }
        console.describe(image);
    }

    @Override
    public void close() {
        first.close();
        twin.close();
    }
}
