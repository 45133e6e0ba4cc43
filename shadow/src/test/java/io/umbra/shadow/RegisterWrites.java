package io.umbra.shadow;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.PagingMode;
import io.umbra.x86.VcpuState;

/**
 * Writes to control registers as a processor makes them: what is not allowed changes nothing, as after #GP(0), and PAE paging's PDPTE registers are loaded when, and only when, the manual says so. Intel SDM vol. 3A,
 * "Control Registers", "PDPTE Registers", "Initializing IA-32e Mode".
 */
final class RegisterWrites {
    /** What a write brings with it. */
    interface Effects {
        /** @return false when a present PDPTE has a reserved bit; otherwise the registers are loaded */
        boolean loadPdptes(long cr3);

        void controlRegisterWritten(int number, long old);

        void eferWritten(long old);

        /** The write flushes the guest's TLB. */
        void flushed();
    }

    private static final long PDPTE_CR0 = Cr0.PAGING | Cr0.CACHE_DISABLE | Cr0.NOT_WRITE_THROUGH;
    private static final long PDPTE_CR4 =
            Cr4.PAGE_SIZE_EXTENSIONS | Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_GLOBAL | Cr4.SMEP;
    private static final long CONTEXT = 0xFFF;

    private final VcpuState state;
    private final Effects effects;

    RegisterWrites(VcpuState state, Effects effects) {
        this.state = state;
        this.effects = effects;
    }

    PagingMode mode() {
        return PagingMode.of(state.cr0, state.cr4, state.efer);
    }

    private boolean has(long cr4Bit) {
        return (state.cr4 & cr4Bit) != 0;
    }

    void cr3(long value) {
        long next = state.isLongModeActive() ? value : value & 0xFFFF_FFFFL;
        if (mode() == PagingMode.PAE && !effects.loadPdptes(next)) {
            return;
        }
        long old = state.cr3;
        state.cr3 = next;
        effects.controlRegisterWritten(3, old);
        if (state.isPaging()) {
            effects.flushed();
        }
    }

    void cr0(long value) {
        long old = state.cr0;
        boolean paging = (value & Cr0.PAGING) != 0;
        boolean toLongMode = paging && (state.efer & Efer.LONG_MODE_ENABLE) != 0;
        boolean starts = paging && !state.isPaging();
        boolean stops = !paging && state.isPaging();
        boolean refused = starts && toLongMode && !has(Cr4.PHYSICAL_ADDRESS_EXTENSION)
                || stops && has(Cr4.PROCESS_CONTEXT_IDENTIFIERS)
                || (value & Cr0.NOT_WRITE_THROUGH) != 0 && (value & Cr0.CACHE_DISABLE) == 0;
        boolean toPae = paging && !toLongMode && has(Cr4.PHYSICAL_ADDRESS_EXTENSION);
        boolean loads = toPae && ((old ^ value) & PDPTE_CR0) != 0;
        if (refused || loads && !effects.loadPdptes(state.cr3)) {
            return;
        }
        state.cr0 = value;
        state.efer = toLongMode ? state.efer | Efer.LONG_MODE_ACTIVE : state.efer & ~Efer.LONG_MODE_ACTIVE;
        effects.controlRegisterWritten(0, old);
        if (loads || starts || stops) {
            effects.flushed();
        }
    }

    void cr4(long value) {
        long old = state.cr4;
        long changed = old ^ value;
        boolean startsContexts = (changed & value & Cr4.PROCESS_CONTEXT_IDENTIFIERS) != 0;
        boolean refused = state.isLongModeActive() && (changed & (Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FIVE_LEVEL)) != 0
                || startsContexts && (!state.isLongModeActive() || (state.cr3 & CONTEXT) != 0);
        boolean toPae = state.isPaging() && !state.isLongModeActive() && (value & Cr4.PHYSICAL_ADDRESS_EXTENSION) != 0;
        if (refused || toPae && (changed & PDPTE_CR4) != 0 && !effects.loadPdptes(state.cr3)) {
            return;
        }
        state.cr4 = value;
        effects.controlRegisterWritten(4, old);
        if (changed != 0) {
            effects.flushed();
        }
    }

    void efer(long value) {
        long old = state.efer;
        if (state.isPaging() && ((old ^ value) & Efer.LONG_MODE_ENABLE) != 0) {
            return;
        }
        state.efer = value;
        effects.eferWritten(old);
        if (((old ^ value) & Efer.NO_EXECUTE) != 0) {
            effects.flushed();
        }
    }

    /**
     * Goes from any mode to any other, through no paging, as boot code does.
     *
     * @param cr3 to be loaded on the way; negative = what is there stays
     */
    void mode(PagingMode mode, long cr3) {
        cr4(state.cr4 & ~Cr4.PROCESS_CONTEXT_IDENTIFIERS);
        cr0(state.cr0 & ~Cr0.PAGING);
        if (mode == PagingMode.NONE) {
            return;
        }
        boolean pae = mode != PagingMode.TWO_LEVEL;
        efer(with(state.efer, Efer.LONG_MODE_ENABLE, mode.isLong()));
        cr4(with(with(state.cr4, Cr4.PHYSICAL_ADDRESS_EXTENSION, pae), Cr4.FIVE_LEVEL, mode == PagingMode.FIVE_LEVEL));
        if (cr3 >= 0) {
            long old = state.cr3;
            state.cr3 = cr3;
            effects.controlRegisterWritten(3, old);
        }
        cr0(state.cr0 | Cr0.PAGING);
    }

    private static long with(long value, long bit, boolean isSet) {
        return isSet ? value | bit : value & ~bit;
    }
}
