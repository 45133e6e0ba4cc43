package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.RWU;
import static io.umbra.processor.TestMachine.STACK_IST;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** CR4.LA57: which addresses are canonical where, and walks from a fifth level. */
class FiveLevelTest {
    private static final Exit HALT = new Exit.Halt();
    /** 57 bits wide and no narrower, in the lower half and in the upper one; each has the tables of address 0 below its level-5 entry. */
    private static final long LOW = 0x00AB_0000_0000_0000L, HIGH = 0xFF12_0000_0000_0000L;

    private final TestMachine machine = TestMachine.nested(PagingFeatures.ALL);
    private final VcpuState state = machine.state;
    private final long root = machine.newFrame();

    @AfterEach
    void close() {
        machine.close();
    }

    private void fiveLevels() {
        for (long base : new long[] {0, LOW, HIGH}) {
            long place = (machine.mfn(root) << 12) + 8L * LongModeEntry.index(base, 5);
            machine.memory.writeLong(place, LongModeEntry.of(machine.root, RWU));
        }
        state.cr4 |= Cr4.FIVE_LEVEL;
        state.cr3 = root << 12;
    }

    private long levelFive(long linear) {
        return machine.memory.readLong((machine.mfn(root) << 12) + 8L * LongModeEntry.index(linear, 5));
    }

    private boolean isRefused(int vector, String code) {
        machine.gate(vector, 0, 1);
        machine.code(CODE, code + "F4");
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(HALT);
        boolean refused = state.rip == HANDLERS + 16L * vector + 1;
        if (refused) {
            assertThat(machine.peek(STACK_IST - 40, 8)).as("RIP of the fault").isEqualTo(CODE);
            assertThat(machine.peek(STACK_IST - 48, 8)).as("error code").isZero();
        }
        return refused;
    }

    @ParameterizedTest
    @ValueSource(longs = {LOW, HIGH})
    void loadsAndStoresReachAddressesOf57Bits(long base) {
        fiveLevels();
        state.gpr[RBX] = base + DATA;
        state.gpr[RAX] = 0x1234;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "488903488B0B")).isFalse();
        assertThat(machine.peek(DATA, 8)).isEqualTo(0x1234);
        assertThat(levelFive(base) & LongModeEntry.ACCESSED).isNotZero();
        assertThat(levelFive(base) & LongModeEntry.DIRTY).isZero();
        assertThat(state.gpr[RCX]).isEqualTo(0x1234);
    }

    @ParameterizedTest
    @CsvSource({"0x00AB000000500000, 4", "0x0100000000000000, 5", "0xFE00000000000000, 5", "0x0000800000000000, 4"})
    void otherAddressesFaultByTheModeThatIsOn(String address, int levels) {
        if (levels == 5) {
            fiveLevels();
        }
        state.gpr[RBX] = Long.parseUnsignedLong(address.substring(2), 16);
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "488B0B")).isTrue();
        state.gpr[RSP] = state.gpr[RBX];
        assertThat(isRefused(Vector.STACK_FAULT, "58")).isTrue();
    }

    @Test
    void anAccessOverTheEndOfTheLowerHalfFaults() {
        fiveLevels();
        long last = 0x00FF_FFFF_FFFF_F000L;
        long place = (machine.mfn(root) << 12) + 8L * LongModeEntry.index(last, 5);
        machine.memory.writeLong(place, LongModeEntry.of(machine.root, RWU));
        machine.map(last << 16 >> 16, RW);
        state.gpr[RBX] = last + 0xFF8;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "488B0B")).isFalse();
        state.gpr[RBX] = last + 0xFFC;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "488B0B")).isTrue();
    }

    // ---- RIP
    // ---------------------------------------------------------------------------------------------------------------

    /** JMP, CALL, RET, RETF and IRET, to RAX. */
    @ParameterizedTest
    @ValueSource(strings = {"FFE0", "FFD0", "50C3", "6A0850 48CB", "4889E1 8CD2 5251 9C 6A08 50 48CF"})
    void branchesAndReturnsGoTo57BitsOnlyWithFiveLevels(String transfer) {
        String code = transfer.replace(" ", "");
        machine.code(CODE + 0x800, "F4");
        for (boolean five : new boolean[] {false, true}) {
            if (five) {
                fiveLevels();
            }
            machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
            machine.code(CODE, code);
            state.rip = CODE;
            state.gpr[RSP] = TestMachine.STACK_TOP;
            state.gpr[RAX] = LOW + CODE + 0x800;
            assertThat(machine.run()).isEqualTo(HALT);
            assertThat(state.rip).isEqualTo(five ? LOW + CODE + 0x801 : HANDLERS + 16 * 13 + 1);
            if (!five) {
                long fault = machine.peek(STACK_IST - 40, 8);
                assertThat(fault).isBetween(CODE, CODE + code.length() / 2 - 1);
            }
        }
    }

    @Test
    void codeAt57BitsBranchesRelatively() {
        fiveLevels();
        machine.code(CODE, "EB02 0F0B E8 00000000 59 F4"); // jmp over; call next; pop rcx
        state.rip = HIGH + CODE;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.gpr[RCX]).isEqualTo(HIGH + CODE + 9);
    }

    @Test
    void handlersLieAt57BitsWithFiveLevelsOnly() {
        machine.gateTo(0x40, 0, 0, LOW + HANDLERS + 0x800);
        machine.code(HANDLERS + 0x800, "F4");
        assertThat(isRefusedWithError(0, "CD40")).isTrue();
        fiveLevels();
        machine.code(CODE, "CD40");
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(LOW + HANDLERS + 0x801);
    }

    private boolean isRefusedWithError(int error, String code) {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.code(CODE, code);
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(machine.peek(STACK_IST - 48, 8)).isEqualTo(error);
        return state.rip == HANDLERS + 16 * 13 + 1;
    }

    @Test
    void sysretLeavesToAnAddressOfTheCurrentModeOnly() {
        state.star = 0x0013_0008L << 32;
        state.gpr[RCX] = LOW + TestMachine.USER_SPACE;
        state.gpr[11] = 2;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "480F07")).isTrue();
        fiveLevels();
        machine.code(CODE, "480F07");
        state.rip = CODE;
        machine.processor.run(1);
        assertThat(state.rip).isEqualTo(LOW + TestMachine.USER_SPACE);
        assertThat(state.cpl).isEqualTo(3);
    }

    @Test
    void aSystemCallToAnAddressThatTheModeLacksFaultsAtItsTarget() {
        state.lstar = LOW + CODE;
        state.star = 0x0008L << 32;
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.code(CODE, "0F05");
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(machine.peek(STACK_IST - 40, 8)).isEqualTo(LOW + CODE);
    }

    // ---- registers that hold addresses
    // -----------------------------------------------------------------------------------------

    /** SYSENTER_ESP, SYSENTER_EIP, LSTAR, CSTAR, FS, GS and kernel GS base take what the processor's widest mode has, in whatever mode. */
    @ParameterizedTest
    @ValueSource(longs = {0x175, 0x176, 0xC0000082L, 0xC0000083L, 0xC0000100L, 0xC0000101L, 0xC0000102L})
    void modelSpecificRegistersTake57BitsInEveryMode(long index) {
        for (boolean five : new boolean[] {false, true}) {
            if (five) {
                fiveLevels();
            }
            state.gpr[RCX] = index;
            state.gpr[RAX] = 0;
            state.gpr[RDX] = LOW >>> 32;
            assertThat(isRefused(Vector.GENERAL_PROTECTION, "0F30")).isFalse();
            state.gpr[RDX] = 0x0100_0000;
            assertThat(isRefused(Vector.GENERAL_PROTECTION, "0F30")).isTrue();
        }
        try (TestMachine four = TestMachine.nested(new PagingFeatures(false, true, true))) {
            four.gate(Vector.GENERAL_PROTECTION, 0, 0);
            four.code(CODE, "0F30");
            four.state.gpr[RCX] = index;
            four.state.gpr[RDX] = LOW >>> 32;
            assertThat(four.run()).isEqualTo(HALT);
            assertThat(four.state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0F0113", "0F011B"})
    void descriptorTablesMayBeginAt57BitsInEveryMode(String load) {
        machine.poke(DATA, 2, 0xFFF);
        machine.poke(DATA + 2, 8, 0x0100_0000_0000_0000L);
        state.gpr[RBX] = DATA;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, load)).isTrue();
        machine.poke(DATA + 2, 8, LOW);
        machine.code(CODE, load);
        state.rip = CODE;
        machine.processor.run(1);
        assertThat(state.rip).isEqualTo(CODE + 3);
    }

    @ParameterizedTest
    @CsvSource({"0x89, 0F00D9", "0x82, 0F00D1"}) // ltr cx, lldt cx
    void systemSegmentsMayBeginAt57BitsInEveryMode(int type, String load) {
        machine.poke(TestMachine.GDT + 0x50, 8, (long) type << 40 | 0xFF);
        machine.poke(TestMachine.GDT + 0x58, 8, LOW >>> 32);
        state.gpr[RCX] = 0x50;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, load)).isFalse();
        machine.poke(TestMachine.GDT + 0x50, 8, (long) type << 40 | 0xFF);
        machine.poke(TestMachine.GDT + 0x58, 8, 0x0100_0000);
        machine.code(CODE, load);
        machine.gate(Vector.GENERAL_PROTECTION, 0, 0);
        state.rip = CODE;
        machine.run();
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
    }

    @Test
    void descriptorsAreReadWithFiveLevels() {
        fiveLevels();
        state.gdtBase = LOW + TestMachine.GDT;
        state.idtBase = HIGH + TestMachine.IDT;
        state.tr.base = LOW + TestMachine.TASK;
        machine.gate(0x40, 3, 0);
        machine.userMode();
        machine.code(TestMachine.USER_SPACE, "CD40");
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 0x40 + 1);
    }

    @Test
    void invlpgOfAnyAddressIsNoFault() {
        state.gpr[RBX] = 0x7FFF_FFFF_FFFF_FFFFL;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "0F013B")).isFalse();
        machine.code(CODE, "488B0B 0F013B 488B0B F4");
        fiveLevels();
        state.rip = CODE;
        state.gpr[RBX] = LOW + DATA;
        machine.processor.run(1);
        long moved = machine.map(DATA, RW);
        machine.memory.writeLong(machine.mfn(moved) << 12, 5);
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.gpr[RCX]).isEqualTo(5);
    }

    // ---- CR4
    // ---------------------------------------------------------------------------------------------------------------

    @Test
    void theNumberOfLevelsCannotChangeInLongMode() {
        state.gpr[RAX] = state.cr4 | Cr4.FIVE_LEVEL;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "0F22E0")).isTrue();
        fiveLevels();
        state.gpr[RAX] = state.cr4 & ~Cr4.FIVE_LEVEL;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "0F22E0")).isTrue();
        state.gpr[RAX] = state.cr4;
        assertThat(isRefused(Vector.GENERAL_PROTECTION, "0F22E0")).isFalse();
    }

    @Test
    void cpuidOffersTheModeAndItsWidth() {
        assertThat(CpuFeatures.cpuid(7, 0, 0, PagingFeatures.ALL).ecx() >>> 16 & 1)
                .isOne();
        assertThat(CpuFeatures.cpuid(0x8000_0008, 0, 0, PagingFeatures.ALL).eax() >>> 8 & 0xFF)
                .isEqualTo(57);
        PagingFeatures four = new PagingFeatures(false, true, true);
        assertThat(CpuFeatures.cpuid(7, 0, 0, four).ecx() >>> 16 & 1).isZero();
        assertThat(CpuFeatures.cpuid(0x8000_0008, 0, 0, four).eax() >>> 8 & 0xFF)
                .isEqualTo(48);
    }
}
