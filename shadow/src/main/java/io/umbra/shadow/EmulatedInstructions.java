package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.RFlags;

/**
 * Emulates the instruction that faulted, and what may follow from its stores: a frame that cannot be written to by emulation, or is being cleared, is no table any more. Xen: the later half of {@code sh_page_fault}.
 */
final class EmulatedInstructions {
    /** Frames that one instruction can write to, generously. */
    private static final int MOST_UNHANDLED = 8;

    private static final long ANY_BREAKPOINT = 0xFF;

    private final ShadowTables tables;
    private final Counters counters;
    private final boolean unshadowsEarly;
    private final long ahead;

    EmulatedInstructions(ShadowTables tables, Counters counters, ShadowPolicy policy) {
        this.tables = tables;
        this.counters = counters;
        this.unshadowsEarly = policy.isOn(PolicyOption.EARLY_UNSHADOW);
        this.ahead = policy.number(PolicyOption.EMULATE_AHEAD);
    }

    /** @param budget instructions that may be emulated, at least 1 */
    Emulation emulate(ShadowVcpu vcpu, Emulate reason, long budget) {
        counters.add(
                switch (reason) {
                    case PAGETABLE -> Counter.EMULATE;
                    case MMIO -> Counter.MMIO;
                    case WRITE_PROTECT_OFF, READ_ONLY -> Counter.EMULATE_OTHER;
                });
        long stores = vcpu.tableWrites.count();
        Emulation result = vcpu.emulator.emulate(vcpu.emulatedMemory);
        if (result == Emulation.Failed.UNHANDLEABLE
                && reason == Emulate.PAGETABLE
                && mayRetryUnhandled(vcpu)
                && tables.unshadow(vcpu.writeTarget)) {
            counters.add(Counter.UNSHADOW_UNHANDLED);
            result = Emulation.Done.ITERATION;
        }
        boolean wrote = result == Emulation.Done.COMPLETE && vcpu.tableWrites.count() > stores;
        if (wrote && vcpu.rootType == ShadowType.L2_PAE) {
            emulateAhead(vcpu, Math.min(ahead, budget - 1));
        }
        unshadowEarly(vcpu);
        return result;
    }

    /** A PAE guest writes an entry in two halves: the second is a few instructions behind the first. */
    private void emulateAhead(ShadowVcpu vcpu, long most) {
        long stores = vcpu.tableWrites.count();
        for (long left = most; left > 0 && vcpu.tableWrites.count() == stores; left--) {
            boolean isWatched = (vcpu.state.rflags & RFlags.TRAP) != 0 || (vcpu.state.dr[7] & ANY_BREAKPOINT) != 0;
            if (isWatched || vcpu.state.interruptShadow) {
                return;
            }
            if (vcpu.emulator.emulate(vcpu.emulatedMemory) != Emulation.Done.COMPLETE) {
                return;
            }
            counters.add(Counter.EMULATE_AHEAD);
        }
    }

    private void unshadowEarly(ShadowVcpu vcpu) {
        long due = vcpu.earlyUnshadow.takeDue();
        if (due >= 0 && unshadowsEarly && tables.unshadow(due)) {
            counters.add(Counter.EARLY_UNSHADOW);
        }
    }

    /** Unshadowing lets the instruction execute by itself, unless the frame is needed as a table to execute it: then it comes back and nothing retires. */
    private static boolean mayRetryUnhandled(ShadowVcpu vcpu) {
        boolean isBack = vcpu.unhandledAt == vcpu.state.instructions;
        vcpu.unhandledAt = vcpu.state.instructions;
        vcpu.unhandledTries = isBack ? vcpu.unhandledTries + 1 : 1;
        return vcpu.unhandledTries <= MOST_UNHANDLED;
    }
}
