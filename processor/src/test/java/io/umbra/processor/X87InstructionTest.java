package io.umbra.processor;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.fp.Operands;
import io.umbra.processor.host.NativeCode;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every x87 instruction, in every encoding, from random states of the unit, against the host's processor: the whole state that it leaves. */
class X87InstructionTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    /** Of each encoding. */
    private static final long CASES = Long.getLong("umbra.cases", 400);

    private static final int MODE = 64;
    /** A context switch of the host may lose its x87 pointers, so that a difference is looked at again. */
    private static final int ATTEMPTS = 3;

    private static final Set<Mnemonic> APPROXIMATE = EnumSet.of(
            Mnemonic.FSIN,
            Mnemonic.FCOS,
            Mnemonic.FSINCOS,
            Mnemonic.FPTAN,
            Mnemonic.FPATAN,
            Mnemonic.F2XM1,
            Mnemonic.FYL2X,
            Mnemonic.FYL2XP1);
    static final Set<Mnemonic> NOT_WAITING = EnumSet.of(
            Mnemonic.FNINIT, Mnemonic.FNCLEX, Mnemonic.FNSTCW, Mnemonic.FNSTSW, Mnemonic.FNSTENV, Mnemonic.FNSAVE);

    private static final Set<Mnemonic> LOADS_POINTERS = EnumSet.of(Mnemonic.FLDENV, Mnemonic.FRSTOR);

    private final TestMachine machine = TestMachine.native64();
    private final VcpuState state = machine.state;
    private final Cpu cpu = new Cpu(state, new MemoryUnit(state, machine.memory));

    private boolean loadsPointers;
    private final X87State before = new X87State();
    private final X87Outcome ours = new X87Outcome();
    private final X87Outcome hosts = new X87Outcome();

    @BeforeEach
    void load() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
        cpu.memory.load(cpu, new HardwarePaging.Shadow(machine.root << 12, false, false));
        cpu.codeModeChanged();
        cpu.privilegeChanged();
    }

    @AfterEach
    void close() {
        machine.close();
    }

    @TestFactory
    List<DynamicTest> everyInstructionLeavesTheStateThatTheHostLeaves() {
        return encodings().entrySet().stream()
                .map(entry -> DynamicTest.dynamicTest(
                        entry.getKey().name(), () -> entry.getValue().forEach(this::compare)))
                .toList();
    }

    /** All of D8 … DF that are defined: registers, memory at RDI + 640, and what has a 16-bit form; and WAIT. */
    static Map<Mnemonic, List<String>> encodings() {
        Map<Mnemonic, List<String>> encodings = new EnumMap<>(Mnemonic.class);
        add(encodings, "9B");
        for (int escape = 0xD8; escape <= 0xDF; escape++) {
            for (int reg = 0; reg < 8; reg++) {
                add(encodings, "%02X%02X80020000".formatted(escape, 0x87 | reg << 3));
            }
            for (int modRm = 0xC0; modRm <= 0xFF; modRm++) {
                add(encodings, "%02X%02X".formatted(escape, modRm));
            }
        }
        for (String environment : List.of("D9A7", "D9B7", "DDA7", "DDB7")) {
            add(encodings, "66" + environment + "80020000");
        }
        return encodings;
    }

    private static void add(Map<Mnemonic, List<String>> encodings, String code) {
        Instruction instruction = decode(code);
        if (instruction.mnemonic != Mnemonic.INVALID) {
            encodings
                    .computeIfAbsent(instruction.mnemonic, _ -> new ArrayList<>())
                    .add(code);
        }
    }

    private static Instruction decode(String code) {
        return decode(code, MODE);
    }

    static Instruction decode(String code, int mode) {
        byte[] bytes = HexFormat.of().parseHex(code);
        Instruction instruction = Decoder.decode(bytes, 0, bytes.length, mode);
        if (instruction == null) {
            throw new IllegalArgumentException(code + " is not complete");
        }
        return instruction;
    }

    private void compare(String code) {
        Instruction instruction = decode(code);
        Op op = OpFactory.make(instruction, 0);
        boolean mayPend = NOT_WAITING.contains(instruction.mnemonic);
        loadsPointers = LOADS_POINTERS.contains(instruction.mnemonic);
        boolean isApproximate = APPROXIMATE.contains(instruction.mnemonic);
        int size = instruction.hasMemory() ? instruction.operands[0].size() : 0;
        boolean isReal = !instruction.mnemonic.name().startsWith("FI");
        boolean isDecimal = instruction.mnemonic == Mnemonic.FBLD;
        Operands operands = new Operands(SEED);
        try (X87Native host = new X87Native(code)) {
            for (long n = 0; n < CASES; n++) {
                before.choose(operands, mayPend, size, isReal, isDecimal);
                execute(op);
                int attempt = 0;
                do {
                    host.run(before, hosts, loadsPointers);
                } while (!ours.agrees(hosts, isApproximate) && ++attempt < ATTEMPTS);
                if (attempt == ATTEMPTS) {
                    fail("%s %s\nfrom  %s\nhost  %s\nours  %s\n-Dumbra.seed=%d case %d"
                            .formatted(instruction.mnemonic, code, before, hosts, ours, SEED, n));
                }
            }
        }
    }

    private void execute(Op op) {
        cpu.x87.initialise();
        state.x87Control = before.control;
        state.x87Status = before.status;
        state.x87Empty = ~before.inUse & 0xFF;
        for (int i = 0; i < 8; i++) {
            cpu.x87.restore(i, before.stack[i]);
        }
        cpu.flags.fromRFlags(before.rflags);
        state.gpr[VcpuState.RAX] = before.rax;
        state.gpr[VcpuState.RDI] = TestMachine.DATA;
        for (int i = 0; i < X87State.MEMORY_BYTES; i++) {
            cpu.store8(TestMachine.DATA + X87Native.OPERAND + i, before.memory[i]);
        }
        op.execute(cpu);
        ours.control = state.x87Control;
        ours.status = state.x87Status;
        ours.tags = cpu.x87.tags();
        ours.opcode = state.x87Opcode;
        boolean isRelative = state.x87DataPointer != 0 && !loadsPointers;
        ours.dataPointer = (int) (state.x87DataPointer - (isRelative ? TestMachine.DATA : 0));
        ours.rflags = cpu.rflags();
        ours.rax = state.gpr[VcpuState.RAX];
        for (int i = 0; i < 8; i++) {
            cpu.x87.read(cpu.x87.a, i);
            ours.significand[i] = cpu.x87.a.significand;
            ours.signExponent[i] = cpu.x87.a.signExponent;
        }
        for (int i = 0; i < X87State.MEMORY_BYTES; i++) {
            ours.memory[i] = (byte) cpu.load8(TestMachine.DATA + X87Native.OPERAND + i);
        }
    }
}
