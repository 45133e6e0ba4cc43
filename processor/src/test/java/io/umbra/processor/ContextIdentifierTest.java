package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
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

/** CR4.PCIDE, PCIDs in CR3, and INVPCID. */
class ContextIdentifierTest {
    private static final Exit HALT = new Exit.Halt();
    private static final String SET_CR4 = "0F22E0", SET_CR3 = "0F22D8", SET_CR0 = "0F22C0";
    private static final String INVALIDATE = "660F38820B"; // invpcid rcx,[rbx]

    private final TestMachine machine = TestMachine.nested(PagingFeatures.ALL);
    private final VcpuState state = machine.state;

    @AfterEach
    void close() {
        machine.close();
    }

    private boolean isRefused(String code) {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.code(CODE, code + "F4");
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(HALT);
        boolean refused = state.rip == HANDLERS + 16 * 13 + 1;
        assertThat(state.rip).isEqualTo(refused ? HANDLERS + 16 * 13 + 1 : CODE + code.length() / 2 + 1);
        return refused;
    }

    private void enable() {
        state.cr4 |= Cr4.PROCESS_CONTEXT_IDENTIFIERS;
    }

    @Test
    void identifiersAreTurnedOnWhileTheCurrentOneIsZero() {
        state.gpr[RAX] = state.cr4 | Cr4.PROCESS_CONTEXT_IDENTIFIERS;
        state.cr3 |= 8;
        assertThat(isRefused(SET_CR4)).isTrue();
        assertThat(state.cr4 & Cr4.PROCESS_CONTEXT_IDENTIFIERS).isZero();
        state.cr3 &= -4096L;
        assertThat(isRefused(SET_CR4)).isFalse();
        state.cr3 |= 8;
        assertThat(isRefused(SET_CR4)).as("they are on already").isFalse();
        state.gpr[RAX] &= ~Cr4.PROCESS_CONTEXT_IDENTIFIERS;
        assertThat(isRefused(SET_CR4)).isFalse();
    }

    @Test
    void theLowBitsOfCr3AreNoPartOfTheRoot() {
        enable();
        state.gpr[RAX] = state.cr3 | 0xABC;
        state.gpr[RBX] = DATA;
        assertThat(isRefused(SET_CR3 + "0F20D9 8B03".replace(" ", ""))).isFalse();
        assertThat(state.gpr[RCX]).isEqualTo(state.cr3).isEqualTo(machine.root << 12 | 0xABC);
    }

    @Test
    void bit63OfANewCr3KeepsTranslationsAndIsNotStored() {
        state.gpr[RAX] = state.cr3 | 1L << 63;
        assertThat(isRefused(SET_CR3)).as("reserved without PCIDs").isTrue();
        enable();
        assertThat(isRefused(SET_CR3)).isFalse();
        assertThat(state.cr3).isEqualTo(machine.root << 12);
        state.gpr[RAX] = state.cr3 | 1L << 62;
        assertThat(isRefused(SET_CR3)).isTrue();
    }

    @Test
    void aHypervisorIsToldTheRootWithoutBit63() {
        try (TestMachine shadow = TestMachine.shadow(PagingFeatures.ALL)) {
            shadow.state.cr4 |= Cr4.PROCESS_CONTEXT_IDENTIFIERS;
            shadow.code(CODE, SET_CR3);
            shadow.state.gpr[RAX] = 1L << 63 | 0x1234_5007;
            long old = shadow.state.cr3;
            assertThat(shadow.run()).isEqualTo(new Exit.ControlRegister(3, old));
            assertThat(shadow.state.cr3).isEqualTo(0x1234_5007);
        }
    }

    /** From compatibility mode, where paging may be turned off otherwise. */
    @Test
    void pagingStaysOnWhileIdentifiersAre() {
        state.segments[VcpuState.CS].set(TestMachine.KERNEL_CODE_32, 0, 0xFFFF_FFFFL, 0xC9B);
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.code(CODE, SET_CR0);
        state.gpr[RAX] = state.cr0 & 0x7FFF_FFFFL;
        enable();
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(machine.peek(TestMachine.STACK_IST - 40, 8)).isEqualTo(CODE);
        assertThat(state.isLongModeActive()).isTrue();
    }

    // ---- INVPCID
    // ------------------------------------------------------------------------------------------------------------

    private void descriptor(long context, long linear) {
        machine.poke(DATA, 8, context);
        machine.poke(DATA + 8, 8, linear);
        state.gpr[RBX] = DATA;
    }

    @ParameterizedTest
    @CsvSource({
        // type, descriptor, linear address, PCIDs on, refused
        "0, 0, 0x500000, 0, false",
        "0, 1, 0x500000, 0, true",
        "0, 1, 0x500000, 1, false",
        "0, 0xFFF, 0x500000, 1, false",
        "0, 0x1000, 0x500000, 1, true",
        "0, 0, 0x7FFFFFFFFFFFFFFF, 1, true",
        "0, 0, 0x00FFFFFFFFFFFFFF, 1, false",
        "0, 0, 0x0100000000000000, 1, true",
        "1, 0, 0x7FFFFFFFFFFFFFFF, 0, false",
        "1, 1, 0, 0, true",
        "1, 1, 0, 1, false",
        "1, 0x1000, 0, 1, true",
        "2, 1, 0x7FFFFFFFFFFFFFFF, 0, false",
        "2, 0x1000, 0, 0, true",
        "3, 1, 0, 0, false",
        "3, 0x4000000000000000, 0, 0, true",
        "4, 0, 0, 0, true",
        "0x100000000, 0, 0, 1, true",
        "-1, 0, 0, 1, true"
    })
    void operandsOfInvpcidAreChecked(String type, String context, String linear, int on, boolean refused) {
        if (on == 1) {
            enable();
        }
        descriptor(Long.decode(context), Long.decode(linear));
        state.gpr[RCX] = Long.decode(type);
        assertThat(isRefused(INVALIDATE)).isEqualTo(refused);
    }

    @Test
    void onlyThe48BitsThatAProcessorWithoutFiveLevelsHasAreCanonical() {
        try (TestMachine four = TestMachine.nested(new PagingFeatures(false, true, false))) {
            four.gate(Vector.GENERAL_PROTECTION, 0, 0);
            four.code(CODE, INVALIDATE);
            four.state.gpr[RBX] = DATA;
            four.poke(DATA + 8, 8, 0x00FF_FFFF_FFFF_FFFFL);
            assertThat(four.run()).isEqualTo(HALT);
            assertThat(four.state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
        }
    }

    /** Absent and present again, elsewhere: what was cached must not be seen. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 2, 3})
    void everyTypeDropsWhatItNames(long type) {
        enable();
        machine.map(DATA + 0x1000, RW);
        machine.code(CODE, "488B06" + INVALIDATE + "488B06 F4"); // mov rax,[rsi]; invpcid; mov rax,[rsi]
        descriptor(0, DATA + 0x1000);
        state.gpr[RCX] = type;
        state.gpr[VcpuState.RSI] = DATA + 0x1000;
        machine.processor.run(1);
        assertThat(state.gpr[RAX]).isZero();
        machine.map(DATA + 0x1000, RW);
        machine.poke(DATA + 0x1000, 8, 77);
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.gpr[RAX]).isEqualTo(77);
    }

    @Test
    void turningGlobalPagesOnOrOffDropsEverything() {
        machine.map(DATA + 0x1000, RW | LongModeEntry.GLOBAL);
        machine.code(CODE, "488B0E 0F22E0 488B0E F4"); // mov rcx,[rsi]; mov cr4,rax; mov rcx,[rsi]
        for (int round = 1; round <= 2; round++) {
            state.rip = CODE;
            state.gpr[RAX] = state.cr4 ^ Cr4.PAGE_GLOBAL;
            state.gpr[VcpuState.RSI] = DATA + 0x1000;
            machine.processor.run(1);
            machine.map(DATA + 0x1000, RW | LongModeEntry.GLOBAL);
            machine.poke(DATA + 0x1000, 8, round);
            assertThat(machine.run()).isEqualTo(HALT);
            assertThat(state.gpr[RCX]).isEqualTo(round);
        }
    }

    @Test
    void aHypervisorIsToldOfInvpcidBehindIt() {
        try (TestMachine shadow = TestMachine.shadow(PagingFeatures.ALL)) {
            shadow.code(CODE, INVALIDATE);
            shadow.state.gpr[RBX] = DATA;
            shadow.state.gpr[RCX] = 2;
            assertThat(shadow.run()).isEqualTo(new Exit.InvalidateContext());
            assertThat(shadow.state.rip).isEqualTo(CODE + 5);
            assertThat(shadow.processor.retired()).isEqualTo(1);
        }
    }

    @Test
    void userModeMayNotInvalidate() {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 0);
        machine.userMode();
        machine.code(TestMachine.USER_SPACE, INVALIDATE);
        state.gpr[RBX] = 1; // not mapped: privilege is looked at first
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
    }

    @Test
    void whereItIsNotOfferedInvpcidIsUndefined() {
        PagingFeatures none = new PagingFeatures(true, false, true);
        assertThat(CpuFeatures.cpuid(1, 0, 0, none).ecx() >>> 17 & 1).isZero();
        assertThat(CpuFeatures.cpuid(7, 0, 0, none).ebx() >>> 10 & 1).isZero();
        try (TestMachine plain = TestMachine.nested(none)) {
            plain.gate(Vector.INVALID_OPCODE, 0, 0);
            plain.code(CODE, INVALIDATE);
            plain.state.gpr[RBX] = DATA;
            assertThat(plain.run()).isEqualTo(HALT);
            assertThat(plain.state.rip).isEqualTo(HANDLERS + 16 * 6 + 1);
        }
    }

    @Test
    void cpuidOffersBoth() {
        assertThat(CpuFeatures.cpuid(1, 0, 0).ecx() >>> 17 & 1).isOne();
        assertThat(CpuFeatures.cpuid(7, 0, 0).ebx() >>> 10 & 1).isOne();
    }
}
