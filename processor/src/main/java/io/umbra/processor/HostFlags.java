package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostAssembler.RSI;

import io.umbra.x86.MachineMemory;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;

/**
 * Whether the host's processor leaves in the status flags that the manuals call undefined what the interpreter does. Where it does not, an instruction is translated only if nobody can see its flags, so that
 * a run is the same on every host.
 */
final class HostFlags {
    private static final List<String> LOGIC = List.of("21C8", "09C8", "31C8", "85C8");

    /** SHL, SHR, SAR, ROL and ROR by 1, 3 and CL; SHLD, SHRD; IMUL, MUL, BT, BTS, DIV. */
    private static final List<String> OTHERS = List.of(
            "D1E0",
            "C1E003",
            "D3E0",
            "D1E8",
            "C1E803",
            "D3E8",
            "D1F8",
            "C1F803",
            "D3F8",
            "D1C0",
            "C1C003",
            "D3C0",
            "D1C8",
            "C1C803",
            "D3C8",
            "0FA4C803",
            "0FACC803",
            "0FA5C8",
            "0FADC8",
            "0FAFC1",
            "F7E1",
            "F7E9",
            "0FA3C8",
            "0FABC8",
            "F7F1");

    private static final int[] VALUES = {3, 0x6000_0001, 0x8000_0001};
    private static final long BEFORE = RFlags.ALWAYS_ONE;
    private static final int ROOM = 4096;

    private static final boolean LOGIC_AGREES = agree(LOGIC);
    private static final boolean ALL_AGREE = LOGIC_AGREES && agree(OTHERS);

    private HostFlags() {}

    /** AND, OR, XOR and TEST. */
    static boolean logicAgrees() {
        return LOGIC_AGREES;
    }

    /** Shifts, rotates, multiplication, division, and tests of bits. */
    static boolean allAgree() {
        return ALL_AGREE;
    }

    private static boolean agree(List<String> instructions) {
        MemorySegment memory = HostEntry.reserve(ROOM);
        try (MachineMemory none = new MachineMemory(1)) {
            VcpuState state = new VcpuState();
            Cpu cpu = new Cpu(state, new MemoryUnit(state, none));
            return instructions.stream().allMatch(bytes -> agrees(HexFormat.of().parseHex(bytes), memory, cpu));
        }
    }

    private static boolean agrees(byte[] bytes, MemorySegment memory, Cpu cpu) {
        Instruction instruction = Decoder.decode(bytes, 0, bytes.length, 64);
        if (instruction == null) {
            throw new IllegalStateException("not an instruction");
        }
        Op op = OpFactory.make(instruction, 0);
        byte[] code = program(bytes);
        MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
        long[] words = new long[4];
        MemorySegment state = MemorySegment.ofArray(words);
        for (int a : VALUES) {
            for (int b : VALUES) {
                for (long before : new long[] {BEFORE, BEFORE | RFlags.STATUS}) {
                    words[0] = before;
                    words[1] = a & 0xFFFF_FFFFL;
                    words[2] = b & 0xFFFF_FFFFL;
                    HostEntry.enter(memory.address(), 0, state, state, state, state, state, state);
                    cpu.flags.fromRFlags(before);
                    cpu.gpr[VcpuState.RAX] = words[1];
                    cpu.gpr[VcpuState.RCX] = words[2];
                    cpu.gpr[VcpuState.RDX] = 0;
                    op.execute(cpu);
                    if ((words[3] & RFlags.STATUS) != cpu.flags.toRFlags()) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    /** A function of RSI: the address of flags, EAX and ECX before, and of the flags behind the instruction. EDX is 0. */
    private static byte[] program(byte[] instruction) {
        HostAssembler out = new HostAssembler();
        out.load(RAX, RSI, 8);
        out.load(RCX, RSI, 16);
        out.constant(RDX, 0);
        out.memory(0xFF, 4, 6, RSI, 0);
        out.int8(0x9D);
        for (byte part : instruction) {
            out.int8(part);
        }
        out.int8(0x9C);
        out.memory(0x8F, 4, 0, RSI, 24);
        out.ret();
        return out.finish();
    }
}
