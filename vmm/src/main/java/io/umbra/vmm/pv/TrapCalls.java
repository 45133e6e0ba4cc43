package io.umbra.vmm.pv;

import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/** Where the guest is entered, and how it goes back: {@code set_trap_table}, {@code set_callbacks}, {@code callback_op}, {@code stack_switch} and {@code iret}. */
final class TrapCalls implements HypercallFamily {
    private static final int TRAP_ENTRY = 16;

    private static final int REGISTER = 0, UNREGISTER = 1;

    /** Words of what {@code iret} finds on the stack. */
    private static final int RAX = 0, R11 = 1, RCX = 2, FLAGS = 3, RIP = 4, CS = 5, EFLAGS = 6, RSP = 7, SS = 8;

    private static final int IRET_WORDS = 9;
    /** In the flags word: RCX and R11 are as SYSRET leaves them. Xen: {@code VGCF_in_syscall}. */
    private static final long IN_SYSCALL = 1 << 8;

    private static final long NEVER_RETURNED = RFlags.IO_PRIVILEGE | RFlags.VIRTUAL_8086;

    private final PvVcpu vcpu;
    private final VcpuState state;
    private final GuestMemory memory;
    private final Bounce bounce;

    TrapCalls(PvGuest guest) {
        this.vcpu = guest.vcpu();
        this.state = vcpu.state;
        this.memory = guest.kernel();
        this.bounce = new Bounce(vcpu, memory, guest.counts());
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch (number) {
            case SET_TRAP_TABLE -> setTrapTable(a);
            case SET_CALLBACKS -> setCallbacks(a[0], a[1], a[2]);
            case CALLBACK_OP -> callback((int) a[0], a[1]);
            case STACK_SWITCH -> {
                vcpu.kernelStackSelector = (int) a[0] & 0xFFFF | 3;
                vcpu.kernelStack = a[1];
                yield 0;
            }
            default -> iret();
        };
    }

    /** Entries {u8 vector, u8 flags, u16 cs, u64 address @8}, up to one whose address is 0. */
    private long setTrapTable(long[] a) {
        if (a[0] == 0) {
            vcpu.traps.clear();
            return 0;
        }
        for (int i = 0; i < PvGuest.BATCH; i++) {
            long at = a[0] + (long) i * TRAP_ENTRY;
            long address = memory.readLong(at + 8);
            if (address == 0) {
                return 0;
            }
            if (!isCanonical(address)) {
                return Errno.EINVAL;
            }
            int head = memory.readInt(at);
            vcpu.traps.set(head & 0xFF, head >>> 8 & 0xFF, head >>> 16 | 3, address);
        }
        a[0] += (long) PvGuest.BATCH * TRAP_ENTRY;
        return Errno.RESTART;
    }

    private long setCallbacks(long event, long failsafe, long syscall) {
        if (!isCanonical(event) || !isCanonical(failsafe) || !isCanonical(syscall)) {
            return Errno.EINVAL;
        }
        vcpu.callbacks.set(Callbacks.Kind.EVENT, 0, event);
        vcpu.callbacks.set(Callbacks.Kind.FAILSAFE, 0, failsafe);
        vcpu.callbacks.set(Callbacks.Kind.SYSCALL, 0, syscall);
        return 0;
    }

    /** {u16 type, u16 flags, u64 address @8}. */
    private long callback(int command, long at) {
        Callbacks.Kind kind = Callbacks.Kind.of(memory.readShort(at) & 0xFFFF);
        if (command == UNREGISTER) {
            return unregister(kind);
        }
        if (command != REGISTER) {
            return Errno.ENOSYS;
        }
        int flags = memory.readShort(at + 2) & 0xFFFF;
        long address = memory.readLong(at + 8);
        if (kind == null) {
            return Errno.ENOSYS;
        }
        if (!isCanonical(address)) {
            return Errno.EINVAL;
        }
        vcpu.callbacks.set(kind, flags, address);
        return 0;
    }

    /** Only the NMI callback may go again. */
    private long unregister(Callbacks.@Nullable Kind kind) {
        if (kind == null) {
            return Errno.ENOSYS;
        }
        if (kind != Callbacks.Kind.NMI) {
            return Errno.EINVAL;
        }
        vcpu.callbacks.remove(kind);
        return 0;
    }

    private static boolean isCanonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    /** @return the RAX that the frame asks for */
    private long iret() {
        long[] frame = new long[IRET_WORDS];
        try {
            for (int i = 0; i < IRET_WORDS; i++) {
                frame[i] = memory.readLong(state.gpr[VcpuState.RSP] + 8L * i);
            }
        } catch (BadPointer pointer) {
            throw new DomainCrash("the frame of an iret hypercall: " + pointer.getMessage());
        }
        if ((frame[CS] & 3) == 3) {
            if (!vcpu.hasUserBase()) {
                throw new DomainCrash("the guest kernel returns to user mode without a user pagetable");
            }
            vcpu.enterUser();
        }
        boolean inSyscall = (frame[FLAGS] & IN_SYSCALL) != 0;
        state.gpr[VcpuState.RCX] = inSyscall ? frame[RIP] : frame[RCX];
        state.gpr[11] = inSyscall ? frame[EFLAGS] : frame[R11];
        vcpu.info.masked((frame[EFLAGS] & RFlags.INTERRUPT) == 0);
        enter(frame);
        return frame[RAX];
    }

    private void enter(long[] frame) {
        int code = (int) frame[CS] & 0xFFFF | 3;
        int stack = (int) frame[SS] & 0xFFFF | 3;
        long flags = frame[EFLAGS] & ~NEVER_RETURNED | RFlags.INTERRUPT;
        if (vcpu.processor().enterGuest(code, frame[RIP], flags, stack, frame[RSP]) == null) {
            return;
        }
        state.segments[VcpuState.CS].selector = code;
        state.segments[VcpuState.SS].selector = stack;
        state.rip = frame[RIP];
        state.rflags = flags;
        state.gpr[VcpuState.RSP] = frame[RSP];
        bounce.failsafe();
    }
}
