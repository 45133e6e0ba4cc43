package io.umbra.vmm.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The bytes are those that Intel's compiler makes of the source in each test's comment. */
class AmlTest {
    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void integersTakeTheirShortestForm() {
        assertThat(hex(Aml.integer(0))).isEqualTo("00");
        assertThat(hex(Aml.integer(1))).isEqualTo("01");
        assertThat(hex(Aml.integer(0xFF))).isEqualTo("0aff");
        assertThat(hex(Aml.integer(0x1234))).isEqualTo("0b3412");
        assertThat(hex(Aml.integer(0x8765_4321))).isEqualTo("0c21436587");
    }

    /** EisaId ("PNP0501"), "AB" */
    @Test
    void identifiersArePackedAndStringsEndWithNul() {
        assertThat(hex(Aml.eisaId("PNP0501"))).isEqualTo("0c41d00501");
        assertThat(hex(Aml.string("AB"))).isEqualTo("0d414200");
    }

    /** Name (\_S5, Package () { 0, 0 }) */
    @Test
    void namesAreFilledUp() {
        assertThat(hex(Aml.named("\\_S5", Aml.elements(Aml.integer(0), Aml.integer(0)))))
                .isEqualTo("085c5f53355f1204020000");
    }

    /** ResourceTemplate () { IO (Decode16, 0x3f8, 0x3f8, 1, 8) IRQNoFlags () {4} } */
    @Test
    void resourcesAreABufferOfDescriptors() {
        assertThat(hex(Aml.resources(Aml.ports(0x3F8, 8), Aml.interrupt(4))))
                .isEqualTo("11100a0d" + "4701f803f8030108" + "221000" + "7900");
    }

    @Test
    void lengthsBeyond63TakeTwoBytesAndBeyond4095Three() {
        assertThat(hex(Aml.scope("\\_SB", new byte[57]))).startsWith("103f5c5f53425f");
        assertThat(hex(Aml.scope("\\_SB", new byte[58]))).startsWith("1041045c5f53425f");
        assertThat(hex(Aml.scope("\\_SB", new byte[5000]))).startsWith("108039015c5f53425f");
    }
}
