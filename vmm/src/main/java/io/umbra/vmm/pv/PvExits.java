package io.umbra.vmm.pv;

import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.xen.HypercallTable;
import io.umbra.x86.Cr0;
import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What becomes of each reason for which a PV guest comes back to the hypervisor. Xen: {@code x86/traps.c}, {@code pv/traps.c}, {@code x86_64/entry.S}. */
final class PvExits implements FaultHandler {
    /** {@code ud2}, "xen", {@code cpuid}: CPUID as the hypervisor gives it, also where the instruction itself would not leave the guest. */
    private static final byte[] FORCED_CPUID = {0x0F, 0x0B, 'x', 'e', 'n', 0x0F, (byte) 0xA2};

    private static final long LDT_BYTES = 1 << 16;
    /** In an error code: it names an entry of the IDT. */
    private static final int IDT = 2;

    private final PvGuest guest;
    private final PvVcpu vcpu;
    private final VcpuState state;
    private final HypercallTable hypercalls;
    private final Bounce bounce;
    private final Privileged privileged;
    /** By the tables that are in force. */
    private final GuestMemory memory;

    private final LongSupplier budget;
    private final LongSupplier now;
    private @Nullable FaultOutcome pending;

    /**
     * @param budget instructions until something other than the guest is due, at least 1
     * @param now system time in nanoseconds
     */
    PvExits(PvGuest guest, LongSupplier budget, LongSupplier now) {
        this.guest = guest;
        this.vcpu = guest.vcpu();
        this.state = vcpu.state;
        this.budget = budget;
        this.now = now;
        this.hypercalls = PvHypercalls.table(guest);
        this.memory = new GuestMemory(guest.memory(), vcpu::base, guest.paging()::markDirty);
        this.bounce = new Bounce(vcpu, guest.kernel(), guest.counts());
        this.privileged = new Privileged(guest, memory, bounce);
    }

    /** Events that are pending and not masked enter the guest's kernel. */
    void deliverEvents() {
        if (vcpu.nmiPending) {
            vcpu.nmiPending = false;
            bounce.exception(Vector.NMI, 0);
        } else if (vcpu.info.isPending() && !vcpu.info.isMasked()) {
            bounce.event();
        }
    }

    void handle(Exit exit) {
        switch (exit) {
            case Exit.PageFault fault -> pageFaultExit(fault.linear(), fault.code());
            case Exit.Exception exception -> exception(exception.event());
            case Exit.SystemCall call -> systemCall(call.length());
            case Exit.SoftwareInterrupt interrupt -> softwareInterrupt(interrupt.event());
            case Exit.Cpuid cpuid -> {
                PvIdentity.answer(state);
                vcpu.processor().retire(cpuid.length());
            }
            case Exit.TimeStamp stamp -> timeStamp(stamp);
            case Exit.Hypercall call -> bounce.exception(Vector.INVALID_OPCODE, 0);
            case Exit.BudgetSpent spent -> {}
            case Exit.Stopped stopped -> {}
            case Exit.ControlRegister write -> throw impossible(exit);
            case Exit.EferWritten write -> throw impossible(exit);
            case Exit.TimeStampWritten written -> throw impossible(exit);
            case Exit.InvalidatePage page -> throw impossible(exit);
            case Exit.InvalidateContext context -> throw impossible(exit);
            case Exit.PortRead read -> throw impossible(exit);
            case Exit.PortWrite write -> throw impossible(exit);
            case Exit.MsrRead read -> throw impossible(exit);
            case Exit.MsrWrite write -> throw impossible(exit);
            case Exit.Halt halt -> throw impossible(exit);
            case Exit.NestedFault fault -> throw impossible(exit);
            case Exit.InterruptWindow window -> throw impossible(exit);
            case Exit.TripleFault fault -> throw impossible(exit);
        }
    }

    private InvariantViolation impossible(Exit exit) {
        return new InvariantViolation("PV-1", exit + " at CPL " + state.cpl);
    }

    private void timeStamp(Exit.TimeStamp stamp) {
        long time = now.getAsLong();
        state.gpr[VcpuState.RAX] = time & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = time >>> 32;
        if (stamp.withAux()) {
            state.gpr[VcpuState.RCX] = state.tscAux & 0xFFFF_FFFFL;
        }
        vcpu.processor().retire(stamp.length());
    }

    // ---- page faults
    // ---------------------------------------------------------------------------------------------------------------

    @Override
    public boolean pageFault(long linear, int code) {
        FaultOutcome outcome = guest.paging().pageFault(0, linear, code);
        pending = outcome instanceof Fixed ? null : outcome;
        return outcome instanceof Fixed;
    }

    @Override
    public boolean nestedFault(long guestPhysical, int access, long linear) {
        return false;
    }

    @Override
    public boolean readPdptes(long cr3, long[] target) {
        return true;
    }

    private void pageFaultExit(long linear, int code) {
        FaultOutcome outcome = pending != null ? pending : guest.paging().pageFault(0, linear, code);
        pending = null;
        switch (outcome) {
            case Fixed fixed -> {}
            case GuestFault fault -> guestFault(linear, fault.code());
            case Emulate reason -> emulate(reason, linear, code);
        }
    }

    /** A fault in the place where the processor has the LDT is one in the guest's own LDT. */
    private void guestFault(long linear, int code) {
        long inLdt = linear - guest.tables().ldtBase();
        boolean isLdt = inLdt >= 0 && inLdt < LDT_BYTES;
        bounce.pageFault(isLdt ? vcpu.ldt() + inLdt : linear, visible(code));
    }

    /** The guest's kernel is told of a supervisor's access. */
    private int visible(int code) {
        int architectural = code & PageFaultCode.ARCHITECTURAL & ~PageFaultCode.USER;
        return vcpu.isKernel() ? architectural : architectural | PageFaultCode.USER;
    }

    /** A store to a pagetable. What cannot be emulated is the guest's fault. */
    private void emulate(Emulate reason, long linear, int code) {
        guest.counts().storing();
        switch (guest.paging().emulate(0, reason, budget.getAsLong())) {
            case Emulation.Done done -> guest.counts().tableStore();
            case Emulation.Raised raised -> {
                boolean isPageFault = raised.event().vector() == Vector.PAGE_FAULT;
                guestFault(
                        isPageFault ? raised.linear() : linear,
                        isPageFault ? raised.event().errorCode() : code);
            }
            case Emulation.Failed failed -> guestFault(linear, code);
        }
    }

    // ---- exceptions
    // ------------------------------------------------------------------------------------------------------------------

    private void exception(Event event) {
        switch (event.vector()) {
            case Vector.GENERAL_PROTECTION -> {
                if (event.errorCode() != 0 || !privileged.emulate()) {
                    bounce.exception(event.vector(), event.errorCode());
                }
            }
            case Vector.INVALID_OPCODE -> {
                if (!forcedCpuid()) {
                    bounce.exception(event.vector(), 0);
                }
            }
            case Vector.DEVICE_NOT_AVAILABLE -> {
                state.cr0 &= ~Cr0.TASK_SWITCHED;
                bounce.exception(event.vector(), 0);
            }
            default -> bounce.exception(event.vector(), event.errorCode());
        }
    }

    private boolean forcedCpuid() {
        if (!state.is64Bit() || !Arrays.equals(memory.readUpTo(state.rip, FORCED_CPUID.length), FORCED_CPUID)) {
            return false;
        }
        PvIdentity.answer(state);
        vcpu.processor().retire(FORCED_CPUID.length);
        guest.counts().privileged("forced_cpuid");
        return true;
    }

    /** INT n may go where the guest's own table permits it. INT1 asks no one. */
    private void softwareInterrupt(Event event) {
        int vector = event.vector();
        boolean permitted = event.kind() == Event.Kind.PRIVILEGED_SOFTWARE_EXCEPTION
                || vcpu.traps.permitsInterrupt(vector, vcpu.isKernel());
        if (!permitted) {
            bounce.exception(Vector.GENERAL_PROTECTION, vector * 8 | IDT);
            return;
        }
        complete(event.length());
        bounce.exception(vector, 0);
    }

    // ---- SYSCALL
    // ----------------------------------------------------------------------------------------------------------------------

    private void systemCall(int length) {
        boolean isLong = state.is64Bit();
        if (vcpu.isKernel() && isLong) {
            hypercall(length);
            return;
        }
        Callbacks.Kind kind = isLong ? Callbacks.Kind.SYSCALL : Callbacks.Kind.SYSCALL_32;
        if (vcpu.isKernel() || !vcpu.callbacks.has(kind)) {
            bounce.exception(Vector.INVALID_OPCODE, 0);
            return;
        }
        complete(length);
        asSyscallLeaves();
        guest.counts().systemCall();
        bounce.systemCall(kind);
    }

    /** As where the hypervisor's entry masks TF: there is no trap behind the instruction. */
    private void complete(int length) {
        long trap = state.rflags & RFlags.TRAP;
        state.rflags &= ~RFlags.TRAP;
        vcpu.processor().retire(length);
        state.rflags |= trap;
    }

    private void asSyscallLeaves() {
        state.gpr[VcpuState.RCX] = state.rip;
        state.gpr[11] = state.rflags & ~RFlags.RESUME;
    }

    private void hypercall(int length) {
        complete(length);
        asSyscallLeaves();
        long[] gpr = state.gpr;
        long[] arguments = {
            gpr[VcpuState.RDI], gpr[VcpuState.RSI], gpr[VcpuState.RDX], gpr[10], gpr[8], gpr[9],
        };
        PvCounts counts = guest.counts();
        long before = counts.callsForMemory();
        long result = hypercalls.call(gpr[VcpuState.RAX] & 0xFFFF_FFFFL, arguments);
        counts.served(before);
        if (result != Errno.RESTART) {
            gpr[VcpuState.RAX] = result;
            return;
        }
        gpr[VcpuState.RDI] = arguments[0];
        gpr[VcpuState.RSI] = arguments[1];
        gpr[VcpuState.RDX] = arguments[2];
        gpr[10] = arguments[3];
        gpr[8] = arguments[4];
        gpr[9] = arguments[5];
        state.rip -= length;
    }
}
