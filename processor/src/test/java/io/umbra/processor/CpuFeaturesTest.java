package io.umbra.processor;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuFeaturesTest {
    private static String text(int... registers) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * registers.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int register : registers) {
            bytes.putInt(register);
        }
        return new String(bytes.array(), US_ASCII);
    }

    @Test
    void theVendorIsAmd() {
        CpuFeatures.Leaf leaf = CpuFeatures.cpuid(0, 0, 0);
        assertThat(text(leaf.ebx(), leaf.edx(), leaf.ecx())).isEqualTo("AuthenticAMD");
        assertThat(leaf.eax()).isEqualTo(0xD);
    }

    @Test
    void theNameIsSpelledOverThreeLeaves() {
        StringBuilder name = new StringBuilder();
        for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
            CpuFeatures.Leaf part = CpuFeatures.cpuid(leaf, 0, 0);
            name.append(text(part.eax(), part.ebx(), part.ecx(), part.edx()));
        }
        assertThat(name.toString().replace("\0", "")).isEqualTo("Umbra software processor");
    }

    @Test
    void theFamilyIs17h() {
        int signature = CpuFeatures.cpuid(1, 0, 0).eax();
        assertThat((signature >>> 8 & 0xF) + (signature >>> 20 & 0xFF)).isEqualTo(0x17);
    }

    /** Bits of CR4 and of leaf 1's EDX; PCE (8) has no bit of its own. */
    @ParameterizedTest
    @CsvSource({"0,1", "2,4", "3,2", "4,3", "5,6", "6,7", "7,13", "9,24", "10,25"})
    void aBitOfCr4MayBeSetExactlyWhenItsFeatureIsOffered(int bit, int feature) {
        boolean offered = (CpuFeatures.cpuid(1, 0, 0).edx() >>> feature & 1) != 0;
        assertThat(mayBeSet(bit)).isEqualTo(offered);
    }

    @ParameterizedTest
    @CsvSource({"20,7", "21,20", "16,0", "11,-1"})
    void theSameHoldsForTheFeaturesOfLeaf7(int bit, int feature) {
        boolean offered = feature >= 0 && (CpuFeatures.cpuid(7, 0, 0).ebx() >>> feature & 1) != 0;
        assertThat(mayBeSet(bit)).isEqualTo(offered);
    }

    private static boolean mayBeSet(int bit) {
        try (TestMachine machine = TestMachine.shadow()) {
            machine.gate(Vector.GENERAL_PROTECTION, 0, 0);
            machine.code(TestMachine.CODE, "0F22E0"); // mov cr4,rax
            machine.state.gpr[VcpuState.RAX] = machine.state.cr4 | 1L << bit;
            return machine.run() instanceof Exit.ControlRegister;
        }
    }

    @Test
    void osxsaveIsABitOfCr4AndTheAreaGrowsWithXcr0() {
        VcpuState state = new VcpuState();
        int xsave = 1 << 26;
        int osxsave = 1 << 27;
        assertThat(mayBeSet(18)).isTrue();
        assertThat(CpuFeatures.cpuid(1, 0, state).ecx() & (xsave | osxsave)).isEqualTo(xsave);
        state.cr4 |= Cr4.XSAVE;
        assertThat(CpuFeatures.cpuid(1, 0, state).ecx() & (xsave | osxsave)).isEqualTo(xsave | osxsave);
        assertThat(CpuFeatures.cpuid(0xD, 0, state).ebx()).isEqualTo(576);
        state.xcr0 = 7;
        CpuFeatures.Leaf all = CpuFeatures.cpuid(0xD, 0, state);
        assertThat(all.ebx()).isEqualTo(832);
        assertThat(all.ecx()).isGreaterThanOrEqualTo(832);
        for (int component = 2; component < 64; component++) {
            CpuFeatures.Leaf leaf = CpuFeatures.cpuid(0xD, component, 0);
            assertThat(leaf.eax() != 0).isEqualTo(component < 32 && (all.eax() >>> component & 1) != 0);
            assertThat(leaf.ebx() + leaf.eax()).isLessThanOrEqualTo(all.ecx());
        }
        state.xcr0 = 0x207;
        assertThat(CpuFeatures.cpuid(0xD, 0, state).ebx()).isEqualTo(all.ecx());
        assertThat(CpuFeatures.cpuid(0xD, 66, 0)).isEqualTo(CpuFeatures.Leaf.NONE);
    }

    /** XSETBV of {@code value} into XCR {@code number}: whether it is accepted. */
    private static boolean isAccepted(int number, long value) {
        try (TestMachine machine = TestMachine.native64()) {
            machine.gate(Vector.GENERAL_PROTECTION, 0, 0);
            machine.state.cr4 |= Cr4.XSAVE;
            machine.code(TestMachine.CODE, "0F01D1 F4"); // xsetbv; hlt
            machine.state.gpr[VcpuState.RCX] = number;
            machine.state.gpr[VcpuState.RAX] = value & 0xFFFF_FFFFL;
            machine.state.gpr[VcpuState.RDX] = value >>> 32;
            machine.run();
            boolean accepted = machine.state.rip == TestMachine.CODE + 4;
            assertThat(machine.state.xcr0).isEqualTo(accepted ? value : 1);
            return accepted;
        }
    }

    @Test
    void onlySensibleSetsOfComponentsAreAccepted() {
        for (long good : new long[] {1, 3, 7, 0x207}) {
            assertThat(isAccepted(0, good)).as("%x", good).isTrue();
        }
        for (long bad : new long[] {0, 2, 4, 5, 6, 15, 0x17, 1L << 63 | 7, 0x200}) {
            assertThat(isAccepted(0, bad)).as("%x", bad).isFalse();
        }
        assertThat(isAccepted(1, 7)).isFalse();
    }

    @Test
    void leavesThatDoNotExistAnswerZero() {
        assertThat(CpuFeatures.cpuid(0x4000_0000, 0, 0)).isEqualTo(CpuFeatures.Leaf.NONE);
        assertThat(CpuFeatures.cpuid(7, 1, 0)).isEqualTo(CpuFeatures.Leaf.NONE);
    }
}
