package io.umbra.vmm.pv;

import io.umbra.vmm.device.VirtualClock;
import io.umbra.x86.Efer;
import io.umbra.x86.Msr;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.OptionalLong;

/** The model-specific registers that a PV guest's kernel has. Every other raises #GP. */
final class PvRegisters {
    /** As Xen sets it, for its own mappings and all guests'. */
    private static final long XEN_PAT = 0x0000_0501_0007_0406L;
    /** The TSC counts at the rate of the P0 state. */
    private static final int HARDWARE_CONFIGURATION = 0xC001_0015;

    private static final long TSC_FREQUENCY_SELECTED = 1L << 24;
    /** Enabled, the bootstrap processor's; nothing answers there. */
    private static final long APIC_BASE = 0xFEE0_0900L;

    private final VcpuState state;
    private final VirtualClock clock;

    /** @param clock of which the TSC is the present moment */
    PvRegisters(VcpuState state, VirtualClock clock) {
        this.state = state;
        this.clock = clock;
    }

    /** Empty when the guest must get #GP. */
    OptionalLong read(int index) {
        return switch (index) {
            case Msr.FS_BASE -> OptionalLong.of(state.segments[VcpuState.FS].base);
            case Msr.GS_BASE -> OptionalLong.of(state.segments[VcpuState.GS].base);
            case Msr.KERNEL_GS_BASE -> OptionalLong.of(state.kernelGsBase);
            case Msr.EFER -> OptionalLong.of(efer());
            case Msr.TIME_STAMP_COUNTER -> OptionalLong.of(clock.now());
            case Msr.PAT -> OptionalLong.of(XEN_PAT);
            case Msr.APIC_BASE -> OptionalLong.of(APIC_BASE);
            case HARDWARE_CONFIGURATION -> OptionalLong.of(TSC_FREQUENCY_SELECTED);
            case Msr.TSC_AUX -> OptionalLong.of(state.tscAux);
            default -> OptionalLong.empty();
        };
    }

    /** Whether the register exists and takes the value. */
    boolean write(int index, long value) {
        return switch (index) {
            case Msr.FS_BASE -> base(state.segments[VcpuState.FS], value);
            case Msr.GS_BASE -> base(state.segments[VcpuState.GS], value);
            case Msr.KERNEL_GS_BASE -> {
                boolean good = isCanonical(value);
                state.kernelGsBase = good ? value : state.kernelGsBase;
                yield good;
            }
            case Msr.EFER -> value == efer();
            case Msr.PAT -> value == XEN_PAT;
            case Msr.APIC_BASE -> value == APIC_BASE;
            default -> false;
        };
    }

    /** A 64-bit kernel sees itself in long mode, with SYSCALL and NX. */
    private long efer() {
        return Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
    }

    private static boolean base(SegmentRegister segment, long value) {
        if (isCanonical(value)) {
            segment.base = value;
            return true;
        }
        return false;
    }

    private static boolean isCanonical(long linear) {
        return linear << 16 >> 16 == linear;
    }
}
