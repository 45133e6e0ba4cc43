package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which bits of which entry are reserved, tried one by one. */
class WalkReservedBitsTest {

    /**
     * Every bit of every kind of entry. Bits 0 (P) and 7 (PS) make another kind of entry, so that 7 is tried only where it is reserved.
     *
     * @param features nxe: EFER.NXE, 1g: 1 GiB pages, pse36, pse: CR4.PSE
     * @param reserved single bits and ranges
     */
    @ParameterizedTest
    @CsvSource({
        // mode,      leaf, level, M,  features,       reserved
        "TWO_LEVEL,    1,     1,   46, pse pse36 nxe,  ''",
        "TWO_LEVEL,    1,     2,   46, pse pse36 nxe,  ''",
        "TWO_LEVEL,    1,     2,   46, nxe,            ''",
        "TWO_LEVEL,    2,     2,   46, pse nxe,        21-13",
        "TWO_LEVEL,    2,     2,   46, pse pse36,      21",
        "TWO_LEVEL,    2,     2,   40, pse pse36,      21",
        "TWO_LEVEL,    2,     2,   39, pse pse36,      21-20",
        "TWO_LEVEL,    2,     2,   36, pse pse36,      21-17",
        "TWO_LEVEL,    2,     2,   32, pse pse36,      21-13",
        "PAE,          1,     1,   46, nxe,            62-46",
        "PAE,          1,     1,   46, '',             63-46",
        "PAE,          1,     1,   52, nxe,            62-52",
        "PAE,          1,     2,   36, nxe,            62-36",
        "PAE,          1,     2,   36, '',             63-36",
        "PAE,          2,     2,   46, nxe,            62-46 20-13",
        "PAE,          2,     2,   46, '',             63-46 20-13",
        "PAE,          1,     3,   46, nxe,            63-46 8-5 2-1",
        "PAE,          1,     3,   52, '',             63-52 8-5 2-1",
        "FOUR_LEVEL,   1,     1,   46, nxe 1g,         51-46",
        "FOUR_LEVEL,   1,     1,   46, 1g,             63 51-46",
        "FOUR_LEVEL,   1,     1,   52, nxe,            ''",
        "FOUR_LEVEL,   1,     1,   52, '',             63",
        "FOUR_LEVEL,   1,     1,   36, nxe,            51-36",
        "FOUR_LEVEL,   1,     2,   46, nxe 1g,         51-46",
        "FOUR_LEVEL,   1,     2,   46, '',             63 51-46",
        "FOUR_LEVEL,   2,     2,   46, nxe 1g,         51-46 20-13",
        "FOUR_LEVEL,   2,     2,   46, '',             63 51-46 20-13",
        "FOUR_LEVEL,   1,     3,   46, nxe 1g,         51-46",
        "FOUR_LEVEL,   1,     3,   46, nxe,            51-46 7",
        "FOUR_LEVEL,   1,     3,   46, '',             63 51-46 7",
        "FOUR_LEVEL,   3,     3,   46, nxe 1g,         51-46 29-13",
        "FOUR_LEVEL,   3,     3,   46, 1g,             63 51-46 29-13",
        "FOUR_LEVEL,   1,     4,   46, nxe 1g,         51-46 7",
        "FOUR_LEVEL,   1,     4,   46, 1g,             63 51-46 7",
        "FIVE_LEVEL,   1,     4,   46, nxe 1g,         51-46 7",
        "FIVE_LEVEL,   1,     5,   46, nxe 1g,         51-46 7",
        "FIVE_LEVEL,   1,     5,   46, '',             63 51-46 7",
        "FIVE_LEVEL,   3,     3,   46, nxe 1g,         51-46 29-13",
    })
    void exactlyTheBitsOfTheManualAreReserved(
            PagingMode mode, int leaf, int level, int maxPhysicalAddress, String features, String reserved) {
        Tables tables = Tables.of(mode, leaf);
        tables.maxPhysicalAddress = maxPhysicalAddress;
        tables.gigabytePages = features.contains("1g");
        tables.pse36 = features.contains("pse36");
        tables.cr4 = mode == PagingMode.TWO_LEVEL && !features.contains("pse") ? 0 : tables.cr4;
        tables.efer = features.contains("nxe") ? tables.efer : tables.efer & ~Efer.NO_EXECUTE;
        assertThat(tables.permits(Tables.READ)).isTrue();

        long entry = tables.get(level);
        for (int bit = 1; bit < 8 * mode.entryBytes(); bit++) {
            boolean expected = contains(reserved, bit);
            if (bit != 7 || expected) {
                tables.put(level, entry ^ 1L << bit);
                boolean refused = tables.walk(Tables.READ).equals(new Walk.Fault(0x9, level));
                assertThat(refused).as("bit %d", bit).isEqualTo(expected);
            }
        }
    }

    private static boolean contains(String ranges, int bit) {
        for (String range : ranges.split(" ", -1)) {
            String[] ends = range.split("-", -1);
            boolean inside = !range.isEmpty()
                    && bit <= Integer.parseInt(ends[0])
                    && bit >= Integer.parseInt(ends[ends.length - 1]);
            if (inside) {
                return true;
            }
        }
        return false;
    }

    /** The six codes that QEMU 7.2's TCG gets wrong: it leaves P out. */
    @Test
    void reservedBitFaultIsAlwaysReportedTogetherWithPresent() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).set(1, 1L << 50);
        assertThat(tables.code(Tables.READ)).isEqualTo(0x09);
        assertThat(tables.code(Tables.WRITE)).isEqualTo(0x0B);
        assertThat(tables.code(Tables.USER)).isEqualTo(0x0D);
        assertThat(tables.code(Tables.USER | Tables.WRITE)).isEqualTo(0x0F);
        assertThat(tables.code(Tables.FETCH)).isEqualTo(0x19);
        assertThat(tables.code(Tables.USER | Tables.FETCH)).isEqualTo(0x1D);
    }

    @Test
    void reservedBitIsFoundBeforeMissingRights() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.clear(4, LongModeEntry.USER | LongModeEntry.WRITABLE).set(1, 1L << 50);
        assertThat(tables.walk(Tables.USER | Tables.WRITE)).isEqualTo(new Walk.Fault(0xF, 1));
    }

    @Test
    void theUpperOfTwoBadEntriesDecides() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.set(3, 1L << 50).put(2, 0);
        assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0x9, 3));
        tables.put(4, 0);
        assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0, 4));
    }

    @Test
    void gigabytePageThatIsNotOfferedIsReservedHoweverWellAligned() {
        for (PagingMode mode : List.of(PagingMode.FOUR_LEVEL, PagingMode.FIVE_LEVEL)) {
            Tables tables = Tables.of(mode, 3);
            assertThat(tables.permits(Tables.READ)).isTrue();
            tables.gigabytePages = false;
            assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0x9, 3));
        }
    }

    @Test
    void rootEntryWithPsIsReservedHoweverWellAligned() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.put(4, 0x87);
        assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0x9, 4));
    }

    @Test
    void noExecuteBitIsReservedWithoutNxeForReadsToo() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).set(2, LongModeEntry.NO_EXECUTE);
        assertThat(tables.permits(Tables.READ)).isTrue();
        assertThat(tables.withoutNxe().walk(Tables.READ)).isEqualTo(new Walk.Fault(0x9, 2));
    }
}
