package io.umbra.processor;

import io.umbra.processor.conformance.HostInstruction;
import io.umbra.processor.conformance.RegisterFile;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.HostMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * One state, given to the host's processor and to the software processor, and compared behind an instruction. Both have a page of memory at the same linear address: it is native memory of the
 * host, and a frame that the TLB maps there.
 */
final class VectorCase implements AutoCloseable {
    private static final int PAGE = 4096;
    private static final int STACK_POINTER = VcpuState.RSP;
    /** Only these bytes of the page are used, around its middle: room for an FXSAVE image from the lowest displacement on. */
    static final int FIRST = PAGE / 2 - 128, BYTES = 512;

    private final Arena arena = Arena.ofConfined();
    final MemorySegment page = arena.allocate(PAGE, PAGE);
    final RegisterFile before = new RegisterFile(arena.allocate(RegisterFile.SIZE, 16));
    final MachineMemory memory = new MachineMemory(1);
    final VcpuState state = new VcpuState();
    final Cpu cpu;
    private long undefined;

    VectorCase() {
        state.cr0 |= Cr0.PROTECTION;
        state.cr4 |= Cr4.FXSAVE | Cr4.SIMD_EXCEPTIONS | Cr4.XSAVE;
        state.xcr0 = ExtendedState.X87 | ExtendedState.VECTORS;
        cpu = new Cpu(state, new MemoryUnit(state, memory));
        cpu.privilegeChanged();
        int at = TlbBank.at(page.address());
        cpu.bank.aim(at, memory.base() - page.address());
        cpu.bank.words[at + TlbBank.READ] = page.address() | cpu.generation;
        cpu.bank.words[at + TlbBank.WRITE] = page.address() | cpu.generation;
    }

    Op decode(byte[] bytes) {
        Instruction instruction = instruction(bytes);
        if (instruction.mnemonic == Mnemonic.INVALID) {
            throw new AssertionError(HexFormat.of().formatHex(bytes) + " is not decoded");
        }
        return OpFactory.make(instruction, 0);
    }

    static Instruction instruction(byte[] bytes) {
        return Objects.requireNonNull(Decoder.decode(bytes, 0, bytes.length, 64));
    }

    static boolean takesUnaligned(byte[] bytes) {
        Mnemonic mnemonic = instruction(bytes).mnemonic;
        return !mnemonic.name().matches("MOVAP[SD]|MOVDQA|MOVNT.*|LDMXCSR");
    }

    /** Gives a gather an index register that leads to this page, and a mask of which some elements are set. */
    void makeIndices(Random random, Instruction gather) {
        boolean quadwords = gather.mnemonic.name().matches("VP?GATHERQ.*");
        for (int quarter = 0; quarter < 4; quarter++) {
            long even = random.nextInt(-32, 280) >> gather.scale;
            long odd = random.nextInt(-32, 280) >> gather.scale;
            long value = quadwords ? even : even & 0xFFFF_FFFFL | odd << 32;
            int half = 2 * gather.index + (quarter & 1);
            if (quarter < 2) {
                before.xmm(half, value);
            } else {
                before.ymmHigh(half, value);
            }
        }
    }

    /** Where the base register points. */
    long pointer() {
        return page.address() + PAGE / 2;
    }

    void randomise(Random random) {
        for (int register = 0; register < 16; register++) {
            long value = random.nextInt(3) == 0 ? random.nextInt(-20, 20) : VectorOperands.half(random);
            before.general(register, register == VectorEncodings.BASE ? pointer() : value);
        }
        before.rflags(random.nextLong() & RFlags.STATUS | RFlags.ALWAYS_ONE | RFlags.INTERRUPT);
        int mxcsr = random.nextInt() & 0xE07F;
        before.mxcsr(random.nextBoolean() ? 0x1F80 : mxcsr | 0x1F80);
        for (int half = 0; half < 32; half++) {
            long value = VectorOperands.half(random);
            boolean repeats = half > 1 && random.nextInt(4) == 0;
            before.xmm(half, repeats ? before.xmm(random.nextInt(half)) : value);
        }
        for (int half = 0; half < 32; half++) {
            boolean repeats = random.nextInt(4) == 0;
            before.ymmHigh(half, repeats ? before.xmm(random.nextInt(32)) : VectorOperands.half(random));
        }
        before.x87Control(0x37F);
        before.x87Status(random.nextInt(8) << 11);
        before.x87Empty(random.nextInt(256));
        before.x87Opcode(random.nextInt(0x800));
        before.x87InstructionPointer(random.nextLong() >> 17);
        before.x87DataPointer(random.nextLong() >> 17);
        for (int register = 0; register < 8; register++) {
            before.x87Register(register, random.nextInt(0x10000), VectorOperands.half(random));
        }
        for (int at = FIRST; at < FIRST + BYTES; at += 8) {
            page.set(ValueLayout.JAVA_LONG, at, VectorOperands.half(random));
        }
    }

    void fillMemoryWithMxcsr(Random random) {
        for (int at = FIRST; at < FIRST + BYTES; at += 4) {
            page.set(ValueLayout.JAVA_INT, at, random.nextInt() & 0xE07F | 0x1F80);
        }
    }

    /** @return what differs, or null */
    @Nullable
    String compare(HostInstruction host, Op op) {
        return compare(host, op, 0);
    }

    @Nullable
    String compare(HostInstruction host, Op op, long undefinedFlags) {
        undefined = undefinedFlags;
        load();
        String input = describe();
        host.run(before);
        op.execute(cpu);
        String difference = difference();
        return difference == null ? null : difference + "\n  from " + input;
    }

    /** Gives the software processor what is in {@link #before}. */
    void load() {
        for (int register = 0; register < 16; register++) {
            state.gpr[register] = before.general(register);
        }
        cpu.rflags(before.rflags());
        state.mxcsr = before.mxcsr();
        for (int half = 0; half < 32; half++) {
            state.xmm[half] = before.xmm(half);
            state.ymmHigh[half] = before.ymmHigh(half);
        }
        state.x87Control = before.x87Control();
        state.x87Status = before.x87Status();
        state.x87Empty = before.x87Empty();
        state.x87Opcode = before.x87Opcode();
        state.x87InstructionPointer = before.x87InstructionPointer();
        state.x87DataPointer = before.x87DataPointer();
        for (int register = 0; register < 8; register++) {
            state.x87Significand[register] = before.x87Significand(register);
            state.x87SignExponent[register] = before.x87SignExponent(register);
        }
        for (int at = FIRST; at < FIRST + BYTES; at += 8) {
            HostMemory.putLong(memory.base() + at, page.get(ValueLayout.JAVA_LONG, at));
        }
    }

    private String describe() {
        StringBuilder text = new StringBuilder();
        text.append("mxcsr %x rax %x rdx %x".formatted(state.mxcsr, state.gpr[0], state.gpr[2]));
        for (int register = 0; register < 16; register++) {
            text.append("\n   ymm%-2d %016x %016x %016x %016x"
                    .formatted(
                            register,
                            state.ymmHigh[2 * register + 1],
                            state.ymmHigh[2 * register],
                            state.xmm[2 * register + 1],
                            state.xmm[2 * register]));
        }
        for (int register = 0; register < 8; register++) {
            text.append("\n   mm%d %016x".formatted(register, state.x87Significand[register]));
        }
        return text.toString();
    }

    @Nullable
    String difference() {
        for (int register = 0; register < 16; register++) {
            if (register != STACK_POINTER && before.general(register) != state.gpr[register]) {
                return differ("gpr " + register, before.general(register), state.gpr[register]);
            }
        }
        for (int half = 0; half < 32; half++) {
            if (before.xmm(half) != state.xmm[half]) {
                return differ("xmm" + half / 2 + (half % 2 == 0 ? " low" : " high"), before.xmm(half), state.xmm[half]);
            }
            if (before.ymmHigh(half) != state.ymmHigh[half]) {
                return differ("upper " + half / 2 + "." + half % 2, before.ymmHigh(half), state.ymmHigh[half]);
            }
        }
        if (((before.rflags() ^ cpu.rflags()) & RFlags.STATUS & ~undefined) != 0) {
            return differ("rflags", before.rflags(), cpu.rflags());
        }
        if (before.mxcsr() != state.mxcsr) {
            return differ("mxcsr", before.mxcsr(), state.mxcsr);
        }
        for (int at = FIRST; at < FIRST + BYTES; at += 8) {
            long ours = HostMemory.getLong(memory.base() + at);
            if (page.get(ValueLayout.JAVA_LONG, at) != ours) {
                return differ("memory " + (at - PAGE / 2), page.get(ValueLayout.JAVA_LONG, at), ours);
            }
        }
        return x87Difference();
    }

    private @Nullable String x87Difference() {
        if (before.x87Control() != state.x87Control) {
            return differ("control", before.x87Control(), state.x87Control);
        }
        if (isPending()) {
            if (before.x87Opcode() != state.x87Opcode) {
                return differ("opcode", before.x87Opcode(), state.x87Opcode);
            }
            if (before.x87InstructionPointer() != state.x87InstructionPointer) {
                return differ("FIP", before.x87InstructionPointer(), state.x87InstructionPointer);
            }
            if (before.x87DataPointer() != state.x87DataPointer) {
                return differ("FDP", before.x87DataPointer(), state.x87DataPointer);
            }
        }
        if (before.x87Status() != state.x87Status) {
            return differ("status", before.x87Status(), state.x87Status);
        }
        if (before.x87Empty() != state.x87Empty) {
            return differ("empty", before.x87Empty(), state.x87Empty);
        }
        for (int register = 0; register < 8; register++) {
            if (before.x87Significand(register) != state.x87Significand[register]) {
                return differ("mm" + register, before.x87Significand(register), state.x87Significand[register]);
            }
            if (before.x87SignExponent(register) != state.x87SignExponent[register]) {
                return differ(
                        "exponent " + register, before.x87SignExponent(register), state.x87SignExponent[register]);
            }
        }
        return null;
    }

    /** Only then are the x87's pointers in an image that an AMD processor saves. */
    private boolean isPending() {
        return (state.x87Status & X87Unit.SUMMARY) != 0;
    }

    private static String differ(String what, long host, long ours) {
        return "%s: host %016x, ours %016x".formatted(what, host, ours);
    }

    @Override
    public void close() {
        memory.close();
        arena.close();
    }
}
