package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.PaeEntry;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a processor demands of a state that its own instructions did not lead to, before it runs from it: a saved one. Sources: Intel SDM vol. 3C, "Checks on the Guest State Area"; AMD APM
 * vol. 2, "Canonicalization and Consistency Checks". A state that passes may be nonsense to the guest, but not to the processor.
 */
public final class StateChecks {
    private static final long FLAGS = RFlags.STATUS
            | RFlags.ALWAYS_ONE
            | RFlags.TRAP
            | RFlags.INTERRUPT
            | RFlags.DIRECTION
            | RFlags.IO_PRIVILEGE
            | RFlags.NESTED_TASK
            | RFlags.RESUME
            | RFlags.VIRTUAL_8086
            | RFlags.ALIGNMENT_CHECK
            | RFlags.VIRTUAL_INTERRUPT
            | RFlags.VIRTUAL_INTERRUPT_PENDING
            | RFlags.IDENTIFICATION;
    private static final int SELECTOR = 0xFFFF;
    private static final int ATTRIBUTES = 0xFFF | SegmentRegister.UNUSABLE;
    private static final long PHYSICAL = (1L << CpuFeatures.PHYSICAL_ADDRESS_BITS) - 1;
    private static final long CONTROL_WORD = 0x1F7F, MXCSR = 0xFFFF, REGISTERS = 0xFF;

    private final VcpuState state;
    private final PagingFeatures features = PagingFeatures.OFFERED;

    private StateChecks(VcpuState state) {
        this.state = state;
    }

    /** @return what is wrong, in a few words, or null when the processor can run from this state */
    public static @Nullable String refusal(VcpuState state) {
        StateChecks checks = new StateChecks(state);
        if (!checks.controlRegistersAgree()) {
            return "CR0, CR3, CR4, CR8 and EFER do not go together";
        }
        if (!checks.flagsAreGood()) {
            return "RFLAGS or CPL";
        }
        if (!checks.segmentsAreGood()) {
            return "a segment or table register";
        }
        if (!checks.addressesAreGood()) {
            return "RIP or an address in a model-specific register";
        }
        if (!checks.pointersAreGood()) {
            return "a PDPTE register";
        }
        return checks.vectorsAreGood() ? null : "XCR0, a debug register, or the floating-point state";
    }

    private boolean isOn(long register, long bit) {
        return (register & bit) != 0;
    }

    private boolean controlRegistersAgree() {
        boolean paging = state.isPaging();
        boolean enabled = isOn(state.efer, Efer.LONG_MODE_ENABLE);
        boolean active = state.isLongModeActive();
        boolean pae = isOn(state.cr4, Cr4.PHYSICAL_ADDRESS_EXTENSION);
        boolean defined = (state.cr0 & ~Cr0.DEFINED) == 0
                && isOn(state.cr0, Cr0.EXTENSION_TYPE)
                && (state.cr4 & ~(CpuFeatures.CR4 | features.cr4())) == 0
                && (state.efer & ~(Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE)) == 0
                && (state.cr3 & ~PHYSICAL) == 0
                && (state.cr8 & ~0xFL) == 0;
        return defined
                && (!paging || isOn(state.cr0, Cr0.PROTECTION))
                && (!isOn(state.cr0, Cr0.NOT_WRITE_THROUGH) || isOn(state.cr0, Cr0.CACHE_DISABLE))
                && active == (enabled && paging)
                && (!active || pae)
                && (active || !isOn(state.cr4, Cr4.PROCESS_CONTEXT_IDENTIFIERS));
    }

    private boolean flagsAreGood() {
        boolean virtual8086 = isOn(state.rflags, RFlags.VIRTUAL_8086);
        boolean isProtected = isOn(state.cr0, Cr0.PROTECTION);
        return (state.rflags & ~FLAGS) == 0
                && isOn(state.rflags, RFlags.ALWAYS_ONE)
                && state.cpl >= 0
                && state.cpl <= 3
                && (isProtected || state.cpl == 0)
                && (!virtual8086 || isProtected && state.cpl == 3 && !state.isLongModeActive());
    }

    private boolean segmentsAreGood() {
        boolean good = isGood(state.ldtr, true)
                && isGood(state.tr, true)
                && isTableGood(state.gdtBase, state.gdtLimit)
                && isTableGood(state.idtBase, state.idtLimit);
        for (int i = 0; i < state.segments.length; i++) {
            good &= isGood(state.segments[i], i >= VcpuState.FS);
        }
        return good;
    }

    private boolean isGood(SegmentRegister segment, boolean hasWideBase) {
        boolean baseIsGood = hasWideBase ? features.isStorable(segment.base) : segment.base >>> 32 == 0;
        return (segment.selector & ~SELECTOR) == 0
                && (segment.attributes & ~ATTRIBUTES) == 0
                && segment.limit >>> 32 == 0
                && baseIsGood;
    }

    private boolean isTableGood(long base, int limit) {
        return (limit & ~SELECTOR) == 0 && features.isStorable(base);
    }

    private boolean addressesAreGood() {
        long rip = state.rip;
        boolean fiveLevels = isOn(state.cr4, Cr4.FIVE_LEVEL);
        boolean canonical = fiveLevels ? rip << 7 >> 7 == rip : rip << 16 >> 16 == rip;
        return (state.is64Bit() ? canonical : rip >>> 32 == 0)
                && List.of(state.lstar, state.cstar, state.kernelGsBase, state.sysenterEsp, state.sysenterEip).stream()
                        .allMatch(features::isStorable)
                && state.syscallMask >>> 32 == 0
                && state.tscAux >>> 32 == 0
                && ModelSpecificRegisters.arePageAttributes(state.pat);
    }

    /** They count under PAE paging only, and may be left over from it otherwise. */
    private boolean pointersAreGood() {
        boolean count =
                state.isPaging() && !state.isLongModeActive() && isOn(state.cr4, Cr4.PHYSICAL_ADDRESS_EXTENSION);
        for (long entry : state.pdpte) {
            long reserved = PaeEntry.pointerReserved(CpuFeatures.PHYSICAL_ADDRESS_BITS);
            if (count && (entry & 1) != 0 && (entry & reserved) != 0) {
                return false;
            }
        }
        return true;
    }

    private boolean vectorsAreGood() {
        boolean avxAlone = (state.xcr0 & ExtendedState.VECTORS) == ExtendedState.AVX;
        return isOn(state.xcr0, ExtendedState.X87)
                && (state.xcr0 & ~ExtendedState.offered(features)) == 0
                && !avxAlone
                && (state.dr[6] & ~(DebugUnit.DR6_FIXED | DebugUnit.DR6_WRITABLE)) == 0
                && (state.dr[7] & ~(DebugUnit.DR7_FIXED | DebugUnit.DR7_WRITABLE)) == 0
                && (state.mxcsr & ~MXCSR) == 0
                && (state.x87Control & ~CONTROL_WORD) == 0
                && (state.x87Status & ~SELECTOR) == 0
                && (state.x87Empty & ~REGISTERS) == 0;
    }
}
