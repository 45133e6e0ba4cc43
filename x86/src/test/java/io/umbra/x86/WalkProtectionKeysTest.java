package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** "Protection Keys": AD and WD of the key in the leaf's bits 62..59. */
class WalkProtectionKeysTest {

    private static Tables keyed(int leafLevel, int key, int rights) {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, leafLevel).withCr4(Cr4.PROTECTION_KEYS);
        tables.set(leafLevel, (long) key << 59);
        tables.pkru = rights << 2 * key;
        return tables;
    }

    @Test
    void accessDisableRefusesEveryDataAccessButNoFetch() {
        Tables tables = keyed(1, 5, 1);
        assertThat(tables.code(Tables.USER)).isEqualTo(0x25);
        assertThat(tables.code(Tables.USER | Tables.WRITE)).isEqualTo(0x27);
        assertThat(tables.code(Tables.READ)).isEqualTo(0x21);
        assertThat(tables.code(Tables.IMPLICIT | Tables.WRITE)).isEqualTo(0x23);
        assertThat(tables.permits(Tables.FETCH)).isTrue();
        assertThat(tables.permits(Tables.USER | Tables.FETCH)).isTrue();
    }

    @Test
    void writeDisableRefusesUserWritesAlwaysAndSupervisorWritesWithWp() {
        Tables tables = keyed(1, 15, 2);
        assertThat(tables.permits(Tables.USER)).isTrue();
        assertThat(tables.permits(Tables.READ)).isTrue();
        assertThat(tables.code(Tables.USER | Tables.WRITE)).isEqualTo(0x27);
        assertThat(tables.code(Tables.WRITE)).isEqualTo(0x23);
        tables.withoutWp();
        assertThat(tables.code(Tables.USER | Tables.WRITE)).isEqualTo(0x27);
        assertThat(tables.permits(Tables.WRITE)).isTrue();
    }

    @Test
    void keyOfTheLeafCountsWhateverItsSize() {
        for (int leafLevel = 1; leafLevel <= 3; leafLevel++) {
            assertThat(keyed(leafLevel, 9, 1).code(Tables.USER)).isEqualTo(0x25);
            Tables above = Tables.of(PagingMode.FOUR_LEVEL, leafLevel).withCr4(Cr4.PROTECTION_KEYS);
            above.set(4, 9L << 59);
            above.pkru = 1 << 18;
            assertThat(above.permits(Tables.USER)).isTrue();
        }
    }

    @Test
    void eachKeyHasItsOwnTwoBits() {
        for (int key = 0; key < 16; key++) {
            Tables tables = keyed(1, key, 1);
            assertThat(tables.code(Tables.USER)).isEqualTo(0x25);
            tables.pkru = ~(3 << 2 * key);
            assertThat(tables.permits(Tables.USER | Tables.WRITE)).isTrue();
        }
    }

    @Test
    void supervisorPagesHaveNoKey() {
        Tables tables = keyed(1, 3, 3).clear(4, LongModeEntry.USER);
        assertThat(tables.permits(Tables.WRITE)).isTrue();
        assertThat(tables.code(Tables.USER)).as("refused without PK").isEqualTo(0x5);
    }

    @Test
    void keyIsReportedEvenWhenRightsWouldRefuseToo() {
        Tables tables = keyed(1, 3, 2).clear(1, LongModeEntry.WRITABLE);
        assertThat(tables.code(Tables.USER | Tables.WRITE)).isEqualTo(0x27);
        Tables smap = keyed(1, 3, 1).withCr4(Cr4.SMAP);
        assertThat(smap.code(Tables.READ)).isEqualTo(0x21);
    }

    @Test
    void absentAndReservedEntriesAreNeverReportedWithAKey() {
        assertThat(keyed(1, 3, 3).clear(1, 1).code(Tables.USER)).isEqualTo(0x4);
        assertThat(keyed(1, 3, 3).set(1, 1L << 50).code(Tables.USER)).isEqualTo(0xD);
    }

    @Test
    void withoutPkeTheKeyIsIgnored() {
        Tables tables = keyed(1, 3, 3);
        tables.cr4 &= ~Cr4.PROTECTION_KEYS;
        assertThat(tables.permits(Tables.USER | Tables.WRITE)).isTrue();
    }

    @Test
    void keysExistOnlyInLongMode() {
        Tables tables = Tables.of(PagingMode.PAE, 1).withCr4(Cr4.PROTECTION_KEYS);
        tables.pkru = -1;
        assertThat(tables.permits(Tables.USER | Tables.WRITE)).isTrue();
        Tables five = Tables.of(PagingMode.FIVE_LEVEL, 1).withCr4(Cr4.PROTECTION_KEYS);
        five.pkru = -1;
        assertThat(five.code(Tables.USER | Tables.WRITE)).isEqualTo(0x27);
    }
}
