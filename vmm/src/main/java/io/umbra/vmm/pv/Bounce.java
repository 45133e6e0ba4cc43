package io.umbra.vmm.pv;

import io.umbra.shadow.DomainCrash;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.VcpuInfo;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * Enters the guest's kernel: builds the frame that its handlers expect on its stack. Xen: {@code create_bounce_frame}.
 *
 * <pre>
 *  SS  RSP  RFLAGS (IF = events were not masked)  CS (bits 39..32: the old mask)  RIP  [error code]  R11  RCX
 * </pre>
 *
 * <p>From user mode the frame is on the kernel's stack, else on the present one, aligned to 16 bytes before the first push. A guest without a handler, or without a stack, does not survive it.
 */
final class Bounce {
    private static final long CLEARED = RFlags.TRAP
            | RFlags.NESTED_TASK
            | RFlags.RESUME
            | RFlags.ALIGNMENT_CHECK
            | RFlags.VIRTUAL_8086
            | RFlags.IO_PRIVILEGE;

    private final PvVcpu vcpu;
    private final VcpuState state;
    private final GuestMemory kernelMemory;
    private final PvCounts counts;

    /** @param kernelMemory by the kernel's tables */
    Bounce(PvVcpu vcpu, GuestMemory kernelMemory, PvCounts counts) {
        this.vcpu = vcpu;
        this.state = vcpu.state;
        this.kernelMemory = kernelMemory;
        this.counts = counts;
    }

    /** An exception of the instruction at RIP, or behind which RIP stands. */
    void exception(int vector, int errorCode) {
        if (vector >= TrapTable.ENTRIES || !vcpu.traps.has(vector)) {
            throw new DomainCrash("%s%s at rip 0x%x in %s mode, and the guest has no handler for it"
                    .formatted(
                            Vector.name(vector),
                            Vector.hasErrorCode(vector) ? "(0x" + Integer.toHexString(errorCode) + ")" : "",
                            state.rip,
                            vcpu.isKernel() ? "kernel" : "user"));
        }
        counts.trap(vector);
        String what = "the frame of " + Vector.name(vector);
        boolean masks = vcpu.traps.masksEvents(vector);
        if (Vector.hasErrorCode(vector)) {
            enter(what, vcpu.traps.address(vector), masks, errorCode & 0xFFFF_FFFFL);
        } else {
            enter(what, vcpu.traps.address(vector), masks);
        }
    }

    /** #PF: CR2 is told through {@link VcpuInfo}. */
    void pageFault(long linear, int errorCode) {
        state.cr2 = linear;
        vcpu.info.cr2(linear);
        exception(Vector.PAGE_FAULT, errorCode);
    }

    /** The upcall that says that events are pending. */
    void event() {
        if (!vcpu.callbacks.has(Callbacks.Kind.EVENT)) {
            throw new DomainCrash("an event is to be delivered, and the guest has no callback for events");
        }
        counts.upcall();
        enter("the frame of an event", vcpu.callbacks.address(Callbacks.Kind.EVENT), true);
    }

    /** SYSCALL or SYSENTER of user mode, for which there is a callback; RIP, RCX and R11 are as the instruction leaves them. */
    void systemCall(Callbacks.Kind kind) {
        enter("the frame of a system call", vcpu.callbacks.address(kind), vcpu.callbacks.masksEvents(kind));
        state.rflags &= ~RFlags.DIRECTION;
    }

    /** The hypervisor cannot return to where the guest wanted. */
    void failsafe() {
        if (!vcpu.callbacks.has(Callbacks.Kind.FAILSAFE)) {
            throw new DomainCrash("the guest returns to rip 0x%x with bad segments, and has no failsafe callback"
                    .formatted(state.rip));
        }
        enter(
                "the failsafe frame",
                vcpu.callbacks.address(Callbacks.Kind.FAILSAFE),
                vcpu.callbacks.masksEvents(Callbacks.Kind.FAILSAFE),
                state.segments[VcpuState.DS].selector,
                state.segments[VcpuState.ES].selector,
                state.segments[VcpuState.FS].selector,
                state.segments[VcpuState.GS].selector);
    }

    /** @param between what lies between RIP and R11, in ascending order */
    private void enter(String what, long address, boolean masks, long... between) {
        boolean fromKernel = vcpu.isKernel();
        int mask = vcpu.info.mask();
        int selector = state.segments[VcpuState.CS].selector;
        long[] frame = new long[between.length + 7];
        frame[0] = state.gpr[VcpuState.RCX];
        frame[1] = state.gpr[11];
        System.arraycopy(between, 0, frame, 2, between.length);
        int at = 2 + between.length;
        frame[at] = state.rip;
        frame[at + 1] = (fromKernel ? selector & 0xFFFC : selector) | (long) mask << 32;
        frame[at + 2] = state.rflags & ~(RFlags.INTERRUPT | RFlags.IO_PRIVILEGE) | (mask == 0 ? RFlags.INTERRUPT : 0);
        frame[at + 3] = state.gpr[VcpuState.RSP];
        frame[at + 4] = state.segments[VcpuState.SS].selector;
        long stack = (fromKernel ? state.gpr[VcpuState.RSP] : vcpu.kernelStack) & -16L;
        vcpu.enterKernel();
        push(what, stack - 8L * frame.length, frame);
        if (masks) {
            vcpu.info.masked(true);
        }
        vcpu.flatSegments();
        state.rip = address;
        state.rflags = state.rflags & ~CLEARED | RFlags.INTERRUPT;
    }

    private void push(String what, long pointer, long[] frame) {
        try {
            for (int i = frame.length - 1; i >= 0; i--) {
                kernelMemory.writeLong(pointer + 8L * i, frame[i]);
            }
        } catch (BadPointer bad) {
            throw new DomainCrash("%s cannot be put on the guest kernel's stack: %s".formatted(what, bad.getMessage()));
        }
        state.gpr[VcpuState.RSP] = pointer;
    }
}
