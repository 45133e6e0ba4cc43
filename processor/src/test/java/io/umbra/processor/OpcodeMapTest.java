package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpcodeMapTest {
    private static Stream<Form> rows() {
        return Stream.of(
                        OneByteMap.ROWS,
                        X87Map.ROWS,
                        Map0F.ROWS,
                        Map0F38.ROWS,
                        Map0F3A.ROWS,
                        VexMap0F.ROWS,
                        VexMap0F38.ROWS,
                        VexMap0F3A.ROWS)
                .flatMap(String::lines)
                .map(Form::new);
    }

    @Test
    void everyMnemonicHasAnOpcode() {
        Set<Mnemonic> without = EnumSet.allOf(Mnemonic.class);
        rows().forEach(form -> without.remove(form.mnemonic));
        assertThat(without).containsExactlyInAnyOrder(Mnemonic.INVALID, Mnemonic.TOO_LONG);
    }

    @Test
    void everyOpcodeOfARowIsFoundInTheMap() {
        OpcodeMap.Opcode add = OpcodeMap.of(true).opcode(OpcodeMap.ONE_BYTE, 0x01);
        assertThat(add.hasModRm()).isTrue();
        for (int modRm = 0; modRm < 256; modRm++) {
            assertThat(add.form(OpcodeMap.MandatoryPrefix.REP.index, true, modRm).mnemonic)
                    .isEqualTo(Mnemonic.ADD);
        }
        for (int opcode = 0x70; opcode < 0x80; opcode++) {
            assertThat(OpcodeMap.of(false).opcode(OpcodeMap.ONE_BYTE, opcode).form(0, false, 0).mnemonic)
                    .isEqualTo(Mnemonic.JCC);
        }
    }

    /** Each opcode's table is made when it is asked for, and refuses rows that contradict each other. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noTwoRowsGiveOneEncodingTwoMeanings(boolean mode64) {
        int defined = 0;
        for (int map = OpcodeMap.ONE_BYTE; map <= OpcodeMap.THREE_BYTE_3A + OpcodeMap.VEX_256; map++) {
            for (int opcode = 0; opcode < 256; opcode++) {
                defined += OpcodeMap.of(mode64).opcode(map, opcode).form(0, false, 0) == Form.UNDEFINED ? 0 : 1;
            }
        }
        assertThat(defined).isGreaterThan(256);
    }

    @Test
    void rowsThatContradictEachOtherAreRefused() {
        OpcodeMap.Opcode opcode = new OpcodeMap.Opcode();
        opcode.add(new Form("00/1 * ADD Eb,Gb"));
        opcode.add(new Form("00 66 SUB Eb,Gb"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> opcode.form(0, false, 0))
                .withMessageContaining("two meanings");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> {
                    OpcodeMap.Opcode plain = new OpcodeMap.Opcode();
                    plain.add(new Form("00 * CLC"));
                    plain.add(new Form("00 * ADD Eb,Gb"));
                })
                .withMessageContaining("ModRM");
    }

    @Test
    void selectorNarrowsARowToSomeModRmBytes() {
        OpcodeMap.Opcode group = OpcodeMap.of(true).opcode(OpcodeMap.TWO_BYTE, 0x01);
        assertThat(group.form(0, false, 0x38).mnemonic).isEqualTo(Mnemonic.INVLPG);
        assertThat(group.form(0, false, 0xF8).mnemonic).isEqualTo(Mnemonic.SWAPGS);
        assertThat(group.form(0, false, 0xFA)).isSameAs(Form.UNDEFINED);
        assertThat(OpcodeMap.of(false).opcode(OpcodeMap.TWO_BYTE, 0x01).form(0, false, 0xF8))
                .isSameAs(Form.UNDEFINED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "00 * NONESUCH",
                "00 67 ADD Eb,Gb",
                "00/0x * ADD",
                "0G * ADD",
                "00 * ADD Yb",
                "00 * ADD Em",
                "00 * ADD Eb,Gb unheard"
            })
    void rowOutsideTheNotationIsRefused(String row) {
        assertThatIllegalArgumentException().isThrownBy(() -> new Form(row));
    }
}
