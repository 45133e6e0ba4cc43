package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class VectorTest {

    /** SDM table "Interrupt and Exception Classes". */
    private static final Set<Integer> CONTRIBUTORY = Set.of(0, 10, 11, 12, 13);

    /** SDM table "Conditions for Generating a Double Fault": row = first, column = second. B benign, C contributory, P page fault. */
    private static Vector.Combination expected(int first, int second) {
        char column = kind(second);
        String row = switch (kind(first)) {
            case 'B' -> "B- C- P-";
            case 'C' -> "B- C2 P-";
            case 'P' -> "B- C2 P2";
            default -> "B- C3 P3";
        };
        return switch (row.charAt(row.indexOf(column) + 1)) {
            case '2' -> Vector.Combination.DOUBLE_FAULT;
            case '3' -> Vector.Combination.TRIPLE_FAULT;
            default -> Vector.Combination.SERIAL;
        };
    }

    private static char kind(int vector) {
        return CONTRIBUTORY.contains(vector) ? 'C' : vector == 14 ? 'P' : vector == 8 ? 'D' : 'B';
    }

    @Test
    void everyPairCombinesAsTheDoubleFaultTableSays() {
        for (int first = 0; first < 256; first++) {
            for (int second = 0; second < 256; second++) {
                if (second != Vector.DOUBLE_FAULT) {
                    assertThat(Vector.combine(first, second))
                            .as("%s, then %s", Vector.name(first), Vector.name(second))
                            .isEqualTo(expected(first, second));
                }
            }
        }
    }

    @Test
    void pageFaultInsideGeneralProtectionIsServedButNotTheOtherWayRound() {
        assertThat(Vector.combine(Vector.GENERAL_PROTECTION, Vector.PAGE_FAULT)).isEqualTo(Vector.Combination.SERIAL);
        assertThat(Vector.combine(Vector.PAGE_FAULT, Vector.GENERAL_PROTECTION))
                .isEqualTo(Vector.Combination.DOUBLE_FAULT);
    }

    @Test
    void theVectorsWithAnErrorCodeAreThoseOfTheManual() {
        Set<Integer> withCode = Set.of(8, 10, 11, 12, 13, 14, 17);
        for (int vector = 0; vector < 256; vector++) {
            assertThat(Vector.hasErrorCode(vector)).as(Vector.name(vector)).isEqualTo(withCode.contains(vector));
        }
    }

    @Test
    void namesAreTheMnemonics() {
        assertThat(Vector.name(Vector.PAGE_FAULT)).isEqualTo("#PF");
        assertThat(Vector.name(Vector.SIMD_FLOATING_POINT)).isEqualTo("#XM");
        assertThat(Vector.name(0x80)).isEqualTo("int 0x80");
    }
}
