package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** One test for each rule of "Determination of Access Rights". */
class WalkAccessRightsTest {

    private static final int PERMITTED = -1;

    private static Tables userPage() {
        return Tables.of(PagingMode.FOUR_LEVEL, 1);
    }

    private static Tables supervisorPage() {
        return userPage().clear(2, LongModeEntry.USER);
    }

    @Test
    void userMayNotTouchASupervisorPage() {
        assertThat(supervisorPage().code(Tables.USER)).isEqualTo(0x5);
        assertThat(supervisorPage().code(Tables.USER | Tables.WRITE)).isEqualTo(0x7);
        assertThat(supervisorPage().code(Tables.USER | Tables.FETCH)).isEqualTo(0x15);
    }

    @Test
    void userMayNotWriteAReadOnlyPageEvenWithoutWp() {
        Tables tables = userPage().clear(3, LongModeEntry.WRITABLE).withoutWp();
        assertThat(tables.code(Tables.USER | Tables.WRITE)).isEqualTo(0x7);
        assertThat(tables.permits(Tables.USER)).isTrue();
    }

    @Test
    void supervisorMayWriteAReadOnlyPageOnlyWithoutWp() {
        for (Tables tables : List.of(userPage(), supervisorPage())) {
            tables.clear(1, LongModeEntry.WRITABLE);
            assertThat(tables.code(Tables.WRITE)).isEqualTo(0x3);
            assertThat(tables.code(Tables.IMPLICIT | Tables.WRITE)).isEqualTo(0x3);
            assertThat(tables.withoutWp().code(Tables.WRITE)).isEqualTo(PERMITTED);
        }
    }

    @Test
    void nobodyMayFetchFromANoExecutePage() {
        Tables user = userPage().set(4, LongModeEntry.NO_EXECUTE);
        assertThat(user.code(Tables.USER | Tables.FETCH)).isEqualTo(0x15);
        assertThat(user.code(Tables.FETCH)).isEqualTo(0x11);
        assertThat(user.permits(Tables.USER | Tables.WRITE)).isTrue();
    }

    @Test
    void smepRefusesSupervisorFetchesFromUserPagesOnly() {
        assertThat(userPage().code(Tables.FETCH)).isEqualTo(PERMITTED);
        assertThat(userPage().withCr4(Cr4.SMEP).code(Tables.FETCH)).isEqualTo(0x11);
        assertThat(userPage().withCr4(Cr4.SMEP).code(Tables.READ)).isEqualTo(PERMITTED);
        assertThat(userPage().withCr4(Cr4.SMEP).code(Tables.USER | Tables.FETCH))
                .isEqualTo(PERMITTED);
        assertThat(supervisorPage().withCr4(Cr4.SMEP).code(Tables.FETCH)).isEqualTo(PERMITTED);
    }

    @Test
    void smapRefusesSupervisorDataAccessesToUserPagesOnly() {
        Tables user = userPage().withCr4(Cr4.SMAP);
        assertThat(user.code(Tables.READ)).isEqualTo(0x1);
        assertThat(user.code(Tables.WRITE)).isEqualTo(0x3);
        assertThat(user.code(Tables.FETCH)).isEqualTo(PERMITTED);
        assertThat(user.code(Tables.USER | Tables.WRITE)).isEqualTo(PERMITTED);
        assertThat(supervisorPage().withCr4(Cr4.SMAP).code(Tables.WRITE)).isEqualTo(PERMITTED);
    }

    @Test
    void smapRefusesWritesWithoutWpToo() {
        assertThat(userPage().withCr4(Cr4.SMAP).withoutWp().code(Tables.WRITE)).isEqualTo(0x3);
    }

    @Test
    void alignmentCheckLetsExplicitAccessesThroughSmapButNotImplicitOnes() {
        Tables tables = userPage().withCr4(Cr4.SMAP);
        tables.alignmentCheck = true;
        assertThat(tables.code(Tables.READ)).isEqualTo(PERMITTED);
        assertThat(tables.code(Tables.WRITE)).isEqualTo(PERMITTED);
        assertThat(tables.code(Tables.IMPLICIT)).isEqualTo(0x1);
        assertThat(tables.code(Tables.IMPLICIT | Tables.WRITE)).isEqualTo(0x3);
    }

    @Test
    void alignmentCheckDoesNotLetWritesThroughWp() {
        Tables tables = userPage().withCr4(Cr4.SMAP).clear(1, LongModeEntry.WRITABLE);
        tables.alignmentCheck = true;
        assertThat(tables.code(Tables.WRITE)).isEqualTo(0x3);
    }

    @Test
    void implicitAccessIsASupervisorsAndTheGuestIsNotToldThatItWasImplicit() {
        Tables absent = userPage().put(1, 0);
        assertThat(absent.code(Tables.IMPLICIT | Tables.WRITE)).isEqualTo(0x2);
        assertThat(supervisorPage().permits(Tables.IMPLICIT)).isTrue();
    }

    @Test
    void fetchIsReportedWithNxe() {
        for (PagingMode mode : List.of(PagingMode.PAE, PagingMode.FOUR_LEVEL, PagingMode.FIVE_LEVEL)) {
            Tables tables = Tables.of(mode, 1).put(1, 0);
            assertThat(tables.code(Tables.FETCH)).isEqualTo(0x10);
            assertThat(tables.withoutNxe().code(Tables.FETCH)).isZero();
        }
    }

    @Test
    void fetchIsReportedWithSmepInEveryMode() {
        for (Tables tables : Tables.ofEveryShape()) {
            tables.put(tables.leafLevel, 0).withoutNxe().withCr4(Cr4.SMEP);
            assertThat(tables.code(Tables.USER | Tables.FETCH))
                    .as(tables.toString())
                    .isEqualTo(0x14);
        }
    }

    @Test
    void nxeMeansNothingToTwoLevelPaging() {
        Tables tables = Tables.of(PagingMode.TWO_LEVEL, 1).put(1, 0);
        assertThat(tables.efer & Efer.NO_EXECUTE).isNotZero();
        assertThat(tables.code(Tables.FETCH)).isZero();
    }

    @Test
    void refusedRightsAreReportedAtTheLeafWhereverTheyWereTakenAway() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 2).clear(4, LongModeEntry.WRITABLE);
        assertThat(tables.walk(Tables.WRITE)).isEqualTo(new Walk.Fault(0x3, 2));
    }
}
