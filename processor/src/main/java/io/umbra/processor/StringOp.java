package io.umbra.processor;

import io.umbra.x86.HostMemory;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/**
 * A string instruction, with or without a REP prefix. The definition is {@link #iterate}, once for each count of RCX; everything is committed after every iteration, so that
 * a fault in the middle resumes where it was. {@link #run} is a short cut through iterations that are known not to fault: forward, inside one
 * page of each operand that the TLB has. It must leave what the iterations would have left.
 *
 * <p>With a prefix the instruction ends its block, and RIP stays on it as long as iterations are left: after one iteration when TF is set or the instruction is
 * emulated, else after {@link #PATIENCE} of them, so that a request to stop is not kept waiting. {@link Cpu#repeatAgain} tells.
 */
abstract class StringOp extends Op {
    private static final long PAGE_SIZE = 4096;
    /** Iterations between two looks at the outside world. */
    private static final long PATIENCE = 1 << 16;

    /** Of an element, in bytes. */
    final int size;

    final SegmentOffset source;
    final SegmentOffset target;

    private final int addressSize;
    private final long addressMask;
    private final int repeat;

    StringOp(Instruction i) {
        this.size = i.operandSize;
        this.addressSize = i.addressSize;
        this.addressMask = Place.mask(i.addressSize);
        this.repeat = i.repeat;
        this.source = new SegmentOffset(i.segment, i.addressSize, i.mode == 64);
        this.target = new SegmentOffset(VcpuState.ES, i.addressSize, i.mode == 64);
    }

    /** One iteration, but for the count. */
    abstract void iterate(Cpu cpu);

    /**
     * Makes up to {@code most} iterations at once, and stops at one that {@linkplain #isLast ends the repetition}.
     *
     * @return how many; 0 when the next iteration may fault or is not simple
     */
    long run(Cpu cpu, long most) {
        return 0;
    }

    /** Whether the flags end the repetition: for REPE and REPNE of comparing instructions. */
    boolean isLast(Cpu cpu) {
        return false;
    }

    final boolean isRepeatedWhileNotEqual() {
        return repeat == Instruction.REPNE;
    }

    @Override
    final boolean endsBlock() {
        return repeat != 0;
    }

    @Override
    final void execute(Cpu cpu) {
        if (repeat == 0) {
            iterate(cpu);
        } else {
            repeat(cpu);
        }
    }

    private void repeat(Cpu cpu) {
        boolean single = cpu.emulating || (cpu.state.rflags & RFlags.TRAP) != 0;
        long patience = single ? 1 : PATIENCE;
        long count = cpu.gpr[VcpuState.RCX] & addressMask;
        boolean done = count == 0;
        while (!done && patience > 0) {
            long most = Long.compareUnsigned(count, patience) < 0 ? count : patience;
            long made = most == 1 ? 0 : run(cpu, most);
            if (made == 0) {
                iterate(cpu);
                made = 1;
            }
            patience -= made;
            count -= made;
            cpu.setRegister(VcpuState.RCX, addressSize, count);
            done = count == 0 || isLast(cpu);
        }
        cpu.repeatAgain = !done;
        cpu.rip = done ? nextRip(cpu) : rip(cpu);
    }

    /** Moves RSI or RDI over {@code elements}, in the direction of DF. */
    final void advance(Cpu cpu, int register, long elements) {
        long distance = elements * size;
        cpu.setRegister(register, addressSize, cpu.gpr[register] + (isBackward(cpu) ? -distance : distance));
    }

    static boolean isBackward(Cpu cpu) {
        return (cpu.state.rflags & RFlags.DIRECTION) != 0;
    }

    // ---- for run ----------------------------------------------------------------------------------------------------

    /**
     * How many elements from {@code register} on, {@code most} at most, lie in one page and inside of the segment and the address size.
     *
     * @param linear of the first
     */
    final long elementsWithin(Cpu cpu, SegmentOffset operand, int register, long linear, long most) {
        long offset = cpu.gpr[register] & addressMask;
        long bytes = Math.min(PAGE_SIZE - (linear & PAGE_SIZE - 1), room(cpu, operand, offset));
        return Math.min(most, bytes / size);
    }

    private long room(Cpu cpu, SegmentOffset operand, long offset) {
        long last = addressMask;
        if (!operand.mode64()) {
            SegmentRegister segment = cpu.state.segments[operand.segment()];
            int kind = segment.attributes & (SegmentRegister.CODE | SegmentRegister.DOWN_CONFORMING);
            if (kind == SegmentRegister.DOWN_CONFORMING) {
                return 0;
            }
            last = Math.min(last, segment.limit);
        }
        long distance = last - offset;
        return distance >= 0 && distance < PAGE_SIZE ? distance + 1 : PAGE_SIZE;
    }

    /** @return the place in {@link HostMemory}, or -1 when the TLB does not permit reading there */
    static long hostForRead(Cpu cpu, long linear) {
        long[] words = cpu.bank.words;
        int at = TlbBank.at(linear);
        return words[at + TlbBank.READ] == (linear & -PAGE_SIZE | cpu.generation)
                ? words[at + TlbBank.ADDEND] + linear
                : -1;
    }

    /** @return the place in {@link HostMemory}, or -1 when the TLB does not permit writing there */
    static long hostForWrite(Cpu cpu, long linear) {
        long[] words = cpu.bank.words;
        int at = TlbBank.at(linear);
        return words[at + TlbBank.WRITE] == (linear & -PAGE_SIZE | cpu.generation)
                ? words[at + TlbBank.ADDEND] + linear
                : -1;
    }

    static long element(long host, int size) {
        return switch (size) {
            case 8 -> HostMemory.getLong(host);
            case 4 -> HostMemory.getInt(host) & 0xFFFF_FFFFL;
            case 2 -> HostMemory.getShort(host);
            default -> HostMemory.getByte(host);
        };
    }

    static void setElement(long host, int size, long value) {
        switch (size) {
            case 8 -> HostMemory.putLong(host, value);
            case 4 -> HostMemory.putInt(host, (int) value);
            case 2 -> HostMemory.putShort(host, (int) value);
            default -> HostMemory.putByte(host, (int) value);
        }
    }
}
