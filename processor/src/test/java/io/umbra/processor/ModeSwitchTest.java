package io.umbra.processor;

import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.Msr;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The way from real-address mode to long mode and back, and the steps that are refused on it. */
class ModeSwitchTest extends LegacyFixture {
    private static final String SET_CR0 = "0F22C0", SET_CR3 = "0F22D8", SET_CR4 = "0F22E0", SET_MSR = "0F30";
    /** Identity-mapping tables: a root of each format, and what lies below. */
    private static final long PML5 = 0x20_0000,
            PML4 = 0x20_1000,
            PDPT = 0x20_2000,
            DIRECTORY = 0x20_3000,
            SHORT = 0x20_4000;

    private static final long LONG_CODE = 0x30, COMPATIBILITY_CODE = 0x08;

    ModeSwitchTest() {
        super(PagingFeatures.ALL);
    }

    @BeforeEach
    void tables() {
        protectedMode();
        write(GDT + LONG_CODE, 8, 0x00AF_9B00_0000_FFFFL);
        write(PML5, 8, PML4 | 3);
        write(PML4, 8, PDPT | 3);
        write(PDPT, 8, DIRECTORY | 1);
        for (int i = 0; i < 4; i++) {
            write(DIRECTORY + 8L * i, 8, 0x20_0000L * i | 0x83);
        }
        write(SHORT, 4, 0x83);
        gate(Vector.GENERAL_PROTECTION, 14, 0, HANDLER);
        state.cr4 = Cr4.PAGE_SIZE_EXTENSIONS;
    }

    private void longGate(int vector, long target) {
        long low = target & 0xFFFF | LONG_CODE << 16 | 0x8EL << 40 | target >>> 16 << 48;
        write(IDT + 16L * vector, 8, low);
        write(IDT + 16L * vector + 8, 8, 0);
    }

    private boolean isRefused(String code, long value) {
        code(CODE, code + "F4");
        state.rip = CODE;
        state.gpr[RAX] = value & 0xFFFF_FFFFL;
        state.gpr[RDX] = value >>> 32;
        state.gpr[RCX] = Msr.EFER;
        state.gpr[RSP] = STACK;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        boolean refused = state.rip != CODE + code.length() / 2 + 1;
        if (refused) {
            assertThat(state.rip).isEqualTo(HANDLER + 1);
            boolean wide = state.isLongModeActive();
            assertThat(read(wide ? STACK - 40 : STACK - 12, 4)).isEqualTo(CODE);
        }
        return refused;
    }

    private void take(String code, long value) {
        assertThat(isRefused(code, value)).as(code).isFalse();
    }

    /** JMP FAR m16:32 in what the mode is. */
    private void jumpFar(long selector, long target) {
        write(CODE + 0x100, 4, target);
        write(CODE + 0x104, 2, selector);
        code(CODE, state.is64Bit() ? "FF2C2500011000" : "FF2D00011000");
        code(target, "F4");
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(target + 1);
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 5})
    void eachStepTakesEffectWhereTheManualSays(int levels) {
        take(SET_CR0, state.cr0 & ~Cr0.PROTECTION);
        assertThat(state.cr0 & Cr0.PROTECTION).isZero();
        take(SET_CR0, state.cr0 | Cr0.PROTECTION);
        take(SET_CR4, state.cr4 | Cr4.PHYSICAL_ADDRESS_EXTENSION | (levels == 5 ? Cr4.FIVE_LEVEL : 0));
        take(SET_CR3, levels == 5 ? PML5 : PML4);
        take(SET_MSR, Efer.LONG_MODE_ENABLE);
        assertThat(state.isLongModeActive()).isFalse();
        take(SET_CR0, state.cr0 | Cr0.PAGING);
        assertThat(state.isLongModeActive()).isTrue();
        assertThat(state.is64Bit()).as("compatibility mode").isFalse();
        assertThat(read(PML5, 1) & 0x20).isEqualTo(levels == 5 ? 0x20 : 0);

        jumpFar(LONG_CODE, CODE + 0x200);
        assertThat(state.is64Bit()).isTrue();
        state.idtLimit = 0xFFF;
        longGate(Vector.GENERAL_PROTECTION, HANDLER);
        assertThat(isRefused(SET_CR0, state.cr0 & ~Cr0.PAGING & 0xFFFF_FFFFL)).isTrue();

        jumpFar(COMPATIBILITY_CODE, CODE + 0x300);
        assertThat(state.is64Bit()).isFalse();
        take(SET_CR0, state.cr0 & ~Cr0.PAGING & 0xFFFF_FFFFL);
        assertThat(state.isLongModeActive()).isFalse();
        assertThat(state.efer).isEqualTo(Efer.LONG_MODE_ENABLE);
        take(SET_MSR, 0);
        take(SET_CR4, 0);
        take(SET_CR0, state.cr0 & ~Cr0.PROTECTION);
        assertThat(SegmentUnit.isReal(state)).isTrue();
    }

    @Test
    void pagingOfEachFormatBeginsByItsBits() {
        take(SET_CR3, SHORT);
        take(SET_CR0, state.cr0 | Cr0.PAGING);
        assertThat(read(SHORT, 1) & 0x20).isNotZero();
        write(PDPT, 8, DIRECTORY | 1);
        state.cr3 = PDPT;
        take(SET_CR4, state.cr4 | Cr4.PHYSICAL_ADDRESS_EXTENSION);
        assertThat(state.pdpte[0]).isEqualTo(DIRECTORY | 1);
        assertThat(read(DIRECTORY, 1) & 0x20).isNotZero();
        assertThat(isRefused(SET_MSR, Efer.LONG_MODE_ENABLE)).as("while paging").isTrue();
    }

    @Test
    void longModeNeedsPaeAndCodeThatIsNot64BitYet() {
        state.efer = Efer.LONG_MODE_ENABLE;
        state.cr3 = PML4;
        long on = state.cr0 | Cr0.PAGING;
        assertThat(isRefused(SET_CR0, on)).as("without PAE").isTrue();
        state.cr4 |= Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.segments[CS].attributes |= 0x200;
        assertThat(isRefused(SET_CR0, on)).as("with CS.L").isTrue();
        state.segments[CS].set(0x08, 0, 0xFFFF_FFFFL, 0xC9B);
        state.tr.attributes = 0x83;
        assertThat(isRefused(SET_CR0, on)).as("with a 16-bit TSS").isTrue();
        state.tr.attributes = 0x8B;
        take(SET_CR0, on);
        assertThat(isRefusedInCompatibilityMode(SET_CR4, 0))
                .as("without PAE in long mode")
                .isTrue();
    }

    private boolean isRefusedInCompatibilityMode(String code, long value) {
        state.idtLimit = 0xFFF;
        longGate(Vector.GENERAL_PROTECTION, HANDLER);
        return isRefused(code, value);
    }

    @Test
    void contextsNeedLongMode() {
        assertThat(isRefused(SET_CR4, state.cr4 | Cr4.PROCESS_CONTEXT_IDENTIFIERS))
                .isTrue();
        take(SET_CR4, state.cr4 | Cr4.FIVE_LEVEL | Cr4.PROTECTION_KEYS);
    }

    @Test
    void pagingNeedsProtection() {
        assertThat(isRefused(SET_CR0, Cr0.PAGING | Cr0.EXTENSION_TYPE)).isTrue();
        state.cr3 = SHORT;
        take(SET_CR0, state.cr0 | Cr0.PAGING);
        assertThat(isRefused(SET_CR0, state.cr0 & ~Cr0.PROTECTION)).isTrue();
    }
}
