package io.umbra.processor;

import io.umbra.x86.HostMemory;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;

/** A processor that executes single instructions, given as bytes, on four pages of memory at {@link #BASE}; every other address raises #PF. */
final class Workbench implements AutoCloseable, LinearMemory {
    static final long BASE = 0x10000;
    static final int BYTES = 4 * 4096;
    /** RIP of every instruction. */
    static final long RIP = 0x40_0000;

    private static final int FLAT_DATA = 0xC93;
    private static final int FLAT_CODE = 0xC9B;

    final VcpuState state = new VcpuState();
    final MachineMemory machine = new MachineMemory(4);
    final Cpu cpu;
    final int mode;

    private final MemoryUnit memory = new MemoryUnit(state, machine);
    /** Pages above this linear address are absent. */
    long end = BASE + BYTES;

    Workbench(int mode) {
        this.mode = mode;
        for (SegmentRegister segment : state.segments) {
            segment.set(8, 0, 0xFFFF_FFFFL, FLAT_DATA);
        }
        int size = mode == 64 ? SegmentRegister.LONG : mode == 32 ? SegmentRegister.DEFAULT_BIG : 0;
        state.segments[VcpuState.CS].attributes = FLAT_CODE & ~SegmentRegister.DEFAULT_BIG | size;
        if (mode == 16) {
            state.segments[VcpuState.SS].attributes &= ~SegmentRegister.DEFAULT_BIG;
        }
        memory.port(this);
        cpu = new Cpu(state, memory);
        cpu.ripMask = mode == 64 ? -1L : mode == 32 ? 0xFFFF_FFFFL : 0xFFFF;
        cpu.bank = new TlbBank();
    }

    /** The processor runs with its own TLB, so that the fast paths are taken; else every access goes through the port. */
    Workbench withTlb() {
        for (long page = BASE; page < end; page += 4096) {
            int at = TlbBank.at(page);
            cpu.bank.aim(at, machine.base() - BASE);
            cpu.bank.words[at + TlbBank.READ] = page | cpu.generation;
            cpu.bank.words[at + TlbBank.WRITE] = page | cpu.generation;
        }
        return this;
    }

    Op make(String hex) {
        byte[] bytes = Arrays.copyOf(HexFormat.of().parseHex(hex.replace(" ", "")), 15);
        Instruction instruction = Decoder.decode(bytes, 0, 15, mode);
        if (instruction == null) {
            throw new AssertionError("not decoded: " + hex);
        }
        Op op = switch (instruction.mnemonic.group()) {
            case INTEGER -> IntegerGroup.make(instruction, 0);
            case STRING -> StringGroup.make(instruction, 0);
            case CONTROL -> ControlGroup.make(instruction, 0);
            case MMX_SSE -> instruction.vex ? AvxGroup.make(instruction, 0) : SseGroup.make(instruction, 0);
            case AVX -> AvxGroup.make(instruction, 0);
            case SYSTEM, X87 -> null;
        };
        if (op == null) {
            throw new AssertionError("no operation: " + hex + " " + instruction.mnemonic);
        }
        op.length = (byte) instruction.length;
        return op;
    }

    /** Executes once: a REP may stay unfinished. */
    void execute(String hex) {
        cpu.ripBase = RIP & cpu.ripMask;
        cpu.rip = cpu.ripBase;
        make(hex).execute(cpu);
    }

    /** @return the vector of the exception, or -1 */
    int vectorOf(String hex) {
        try {
            execute(hex);
            return -1;
        } catch (GuestException fault) {
            return fault.vector;
        }
    }

    long get(long linear, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) HostMemory.getByte(machine.base() + linear - BASE + i) << 8 * i;
        }
        return value;
    }

    void put(long linear, int size, long value) {
        for (int i = 0; i < size; i++) {
            HostMemory.putByte(machine.base() + linear - BASE + i, (int) (value >>> 8 * i) & 0xFF);
        }
    }

    byte[] contents() {
        byte[] bytes = new byte[BYTES];
        HostMemory.copyOut(machine.base(), bytes, 0, BYTES);
        return bytes;
    }

    void fill(byte[] bytes) {
        HostMemory.copyIn(bytes, 0, machine.base(), bytes.length);
    }

    void flags(long rflags) {
        state.rflags = rflags & ~RFlags.STATUS | RFlags.ALWAYS_ONE;
        cpu.flags.fromRFlags(rflags);
    }

    long flags() {
        return cpu.rflags();
    }

    /** Registers, flags and memory, to compare. */
    String snapshot() {
        return String.format(
                Locale.ROOT, "%s flags %x memory %x", HexFormatter.of(cpu.gpr), flags(), Arrays.hashCode(contents()));
    }

    @Override
    public void probe(long linear, int size, int access) {
        if (linear < BASE || linear + size > end) {
            throw Fault.page(linear, access);
        }
    }

    @Override
    public long read(long linear, int size, int access) {
        probe(linear, size, access);
        return get(linear, size);
    }

    @Override
    public void write(long linear, int size, long value, int access) {
        probe(linear, size, access | PageFaultCode.WRITE);
        put(linear, size, value);
    }

    @Override
    public long compareExchange(long linear, int size, long expected, long value, int access) {
        long old = read(linear, size, access);
        if (old == expected) {
            put(linear, size, value);
        }
        return old;
    }

    @Override
    public void close() {
        machine.close();
    }

    static final int PAGE_FAULT = Vector.PAGE_FAULT;

    private static final class HexFormatter {
        static String of(long[] values) {
            StringBuilder text = new StringBuilder();
            for (long value : values) {
                text.append(Long.toHexString(value)).append(' ');
            }
            return text.toString();
        }
    }
}
