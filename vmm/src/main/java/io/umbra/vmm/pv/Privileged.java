package io.umbra.vmm.pv;

import io.umbra.processor.PrivilegedInstruction;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.x86.Cr0;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.Locale;
import java.util.OptionalLong;

/**
 * Instructions that raised #GP because the guest's kernel is not at CPL 0: they are given the meaning that they have for it. In user mode there are only those that an IOPL or a bitmap of ports permits.
 * Xen: {@code pv_emulate_privileged_op}.
 */
final class Privileged {
    private static final int LONGEST = 15;

    private final PvGuest guest;
    private final PvVcpu vcpu;
    private final VcpuState state;
    private final PvRegisters registers;
    /** By the tables that are in force. */
    private final GuestMemory memory;

    private final Bounce bounce;

    private long cr4 = 0x660;

    Privileged(PvGuest guest, GuestMemory memory, Bounce bounce) {
        this.guest = guest;
        this.vcpu = guest.vcpu();
        this.state = vcpu.state;
        this.registers = new PvRegisters(state, guest.clock());
        this.memory = memory;
        this.bounce = bounce;
    }

    /** @return whether the instruction at RIP was one of these: it is complete, or has raised a fault of its own */
    boolean emulate() {
        byte[] code = memory.readUpTo(codeLinear(), LONGEST);
        PrivilegedInstruction instruction = PrivilegedInstruction.decode(code, state);
        if (instruction == null || !isPermitted(instruction)) {
            return false;
        }
        try {
            if (!perform(instruction)) {
                return false;
            }
        } catch (BadPointer pointer) {
            bounce.pageFault(pointer.linear(), pageFaultCode(pointer));
            return true;
        }
        guest.counts().privileged(instruction.operation().name().toLowerCase(Locale.ROOT));
        return true;
    }

    private long codeLinear() {
        SegmentRegister cs = state.segments[VcpuState.CS];
        return state.is64Bit() ? state.rip : cs.base + state.rip & 0xFFFF_FFFFL;
    }

    private int pageFaultCode(BadPointer pointer) {
        return (pointer.isWrite() ? 2 : 0) | (vcpu.isKernel() ? 0 : 4);
    }

    private boolean isPermitted(PrivilegedInstruction i) {
        return switch (i.operation()) {
            case IN, OUT, IN_STRING, OUT_STRING -> vcpu.permitsPorts(i.number(), i.size(), memory);
            case CLEAR_INTERRUPTS, SET_INTERRUPTS -> vcpu.hasIoPrivilege();
            default -> vcpu.isKernel();
        };
    }

    private boolean perform(PrivilegedInstruction i) {
        boolean done = switch (i.operation()) {
            case READ_CONTROL -> readControl(i);
            case WRITE_CONTROL -> writeControl(i.number(), register(i));
            case READ_DEBUG -> readDebug(i);
            case WRITE_DEBUG -> DebugRegisters.write(state, debugNumber(i.number()), register(i)) == 0;
            case READ_MSR -> readModelRegister();
            case WRITE_MSR ->
                registers.write(
                        (int) state.gpr[VcpuState.RCX],
                        state.gpr[VcpuState.RAX] & 0xFFFF_FFFFL | state.gpr[VcpuState.RDX] << 32);
            case CLEAR_TASK_SWITCHED -> {
                state.cr0 &= ~Cr0.TASK_SWITCHED;
                yield true;
            }
            case INVALIDATE_PAGE -> {
                new Translations(guest).invalidate(i.linear());
                yield true;
            }
            case WRITE_BACK_CACHES, CLEAR_INTERRUPTS, SET_INTERRUPTS, OUT -> true;
            case SET_EXTENDED_CONTROL -> false;
            case IN -> {
                setRegister(VcpuState.RAX, i.size(), -1);
                yield true;
            }
            case IN_STRING, OUT_STRING -> string(i);
        };
        boolean isString = i.addressSize() != 0;
        if (done && !isString) {
            vcpu.processor().retire(i.length());
        }
        return done;
    }

    // ---- registers
    // ------------------------------------------------------------------------------------------------------------------

    private long register(PrivilegedInstruction i) {
        long value = state.gpr[i.register()];
        return i.size() == 8 ? value : value & 0xFFFF_FFFFL;
    }

    private void setRegister(int register, int size, long value) {
        long mask = size == 8 ? -1 : (1L << 8 * size) - 1;
        long kept = size >= 4 ? 0 : state.gpr[register] & ~mask;
        state.gpr[register] = kept | value & mask;
    }

    private boolean readControl(PrivilegedInstruction i) {
        long value;
        switch (i.number()) {
            case 0 -> value = state.cr0;
            case 2 -> value = state.cr2;
            case 3 -> value = guest.tables().kernelBase() << 12;
            case 4 -> value = cr4;
            default -> {
                return false;
            }
        }
        setRegister(i.register(), i.size(), value);
        return true;
    }

    /** Of CR0 the guest has TS alone; CR4 is only remembered, as far as CPUID offers what it enables: nothing. */
    private boolean writeControl(int number, long value) {
        switch (number) {
            case 0 -> {
                if (((value ^ state.cr0) & ~Cr0.TASK_SWITCHED) != 0) {
                    return false;
                }
                state.cr0 = value;
            }
            case 2 -> {
                state.cr2 = value;
                vcpu.info.cr2(value);
            }
            case 3 -> {
                return guest.tables().newBase(value >>> 12) == 0;
            }
            case 4 -> cr4 = value;
            default -> {
                return false;
            }
        }
        return true;
    }

    /** DR4 and DR5 are DR6 and DR7 under other names. */
    private static int debugNumber(int number) {
        return number == 4 || number == 5 ? number + 2 : number;
    }

    private boolean readDebug(PrivilegedInstruction i) {
        long value = DebugRegisters.read(state, debugNumber(i.number()));
        boolean exists = value != Errno.EINVAL;
        if (exists) {
            setRegister(i.register(), i.size(), value);
        }
        return exists;
    }

    private boolean readModelRegister() {
        OptionalLong value = registers.read((int) state.gpr[VcpuState.RCX]);
        if (value.isEmpty()) {
            return false;
        }
        state.gpr[VcpuState.RAX] = value.getAsLong() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = value.getAsLong() >>> 32;
        return true;
    }

    // ---- ports
    // ------------------------------------------------------------------------------------------------------------------

    /** One iteration: there is nothing behind any port, so ones are read, and what is written is lost. */
    private boolean string(PrivilegedInstruction i) {
        long count = cut(state.gpr[VcpuState.RCX], i.addressSize());
        if (i.repeats() && count == 0) {
            vcpu.processor().retire(i.length());
            return true;
        }
        boolean in = i.operation() == PrivilegedInstruction.Operation.IN_STRING;
        int pointer = in ? VcpuState.RDI : VcpuState.RSI;
        int segment = in ? VcpuState.ES : i.segment();
        boolean hasBase = !state.is64Bit() || segment >= VcpuState.FS;
        long linear = cut(state.gpr[pointer], i.addressSize()) + (hasBase ? state.segments[segment].base : 0);
        if (in) {
            memory.write(linear, i.size(), -1);
        } else {
            memory.read(linear, i.size(), false);
        }
        int step = (state.rflags & RFlags.DIRECTION) != 0 ? -i.size() : i.size();
        setRegister(pointer, i.addressSize(), state.gpr[pointer] + step);
        if (i.repeats()) {
            setRegister(VcpuState.RCX, i.addressSize(), count - 1);
        }
        if (!i.repeats() || count == 1) {
            vcpu.processor().retire(i.length());
        }
        return true;
    }

    private static long cut(long value, int size) {
        return size == 8 ? value : value & (1L << 8 * size) - 1;
    }
}
