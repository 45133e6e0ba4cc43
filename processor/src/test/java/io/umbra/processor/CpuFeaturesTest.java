package io.umbra.processor;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

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
        CpuFeatures.Leaf leaf = CpuFeatures.cpuid(0, 0);
        assertThat(text(leaf.ebx(), leaf.edx(), leaf.ecx())).isEqualTo("AuthenticAMD");
        assertThat(leaf.eax()).isEqualTo(7);
    }

    @Test
    void theNameIsSpelledOverThreeLeaves() {
        StringBuilder name = new StringBuilder();
        for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
            CpuFeatures.Leaf part = CpuFeatures.cpuid(leaf, 0);
            name.append(text(part.eax(), part.ebx(), part.ecx(), part.edx()));
        }
        assertThat(name.toString().replace("\0", "")).isEqualTo("Umbra software processor");
    }

    @Test
    void theFamilyIs17h() {
        int signature = CpuFeatures.cpuid(1, 0).eax();
        assertThat((signature >>> 8 & 0xF) + (signature >>> 20 & 0xFF)).isEqualTo(0x17);
    }

    @Test
    void everyControlRegisterBitThatMayBeSetBelongsToAnOfferedFeature() {
        int features = CpuFeatures.cpuid(1, 0).edx();
        assertThat(features & 1 << 1).as("VME").isZero();
        assertThat(CpuFeatures.CR4 & 3).isZero();
        assertThat(features & 1 << 7).as("MCE").isZero();
        assertThat(CpuFeatures.CR4 >>> 6 & 1).isZero();
        assertThat(CpuFeatures.cpuid(1, 0).ecx() & 1 << 26).as("XSAVE").isZero();
        assertThat(CpuFeatures.CR4 >>> 18 & 1).isZero();
        assertThat(CpuFeatures.cpuid(7, 0).ebx() >>> 7 & 1).as("SMEP").isEqualTo(1);
        assertThat(CpuFeatures.CR4 >>> 20 & 3).isEqualTo(3);
    }

    @Test
    void leavesThatDoNotExistAnswerZero() {
        assertThat(CpuFeatures.cpuid(0x4000_0000, 0)).isEqualTo(CpuFeatures.Leaf.NONE);
        assertThat(CpuFeatures.cpuid(7, 1)).isEqualTo(CpuFeatures.Leaf.NONE);
    }
}
