package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** When and where A and D are written. */
class WalkAccessedDirtyTest {

    private static final long A = LongModeEntry.ACCESSED;
    private static final long D = LongModeEntry.DIRTY;

    private static List<Tables> shapes() {
        return Tables.ofEveryShape();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void readSetsAccessedAtEveryLevelAndNoDirty(Tables tables) {
        tables.access(Tables.READ);
        for (int level : tables.levelsWithRights()) {
            assertThat(tables.get(level) & (A | D)).as("level %d", level).isEqualTo(A);
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void writeSetsDirtyAtTheLeafOnly(Tables tables) {
        tables.access(Tables.WRITE);
        for (int level : tables.levelsWithRights()) {
            assertThat(tables.get(level) & (A | D))
                    .as("level %d", level)
                    .isEqualTo(level == tables.leafLevel ? A | D : A);
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void nothingIsWrittenWhenTheBitsAreSetAlready(Tables tables) {
        tables.access(Tables.WRITE);
        int writes = tables.memory.writes();
        assertThat(writes).isEqualTo(tables.levelsWithRights().length);
        tables.access(Tables.USER | Tables.WRITE);
        tables.access(Tables.FETCH);
        assertThat(tables.memory.writes()).isEqualTo(writes);
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void auditorsWalkNeverWrites(Tables tables) {
        byte[] before = tables.memory.content();
        for (int access : Tables.ACCESSES) {
            assertThat(tables.permits(access)).isTrue();
        }
        assertThat(tables.memory.writes()).isZero();
        assertThat(tables.memory.content()).isEqualTo(before);
    }

    @Test
    void firstWriteAfterAReadSetsDirty() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.access(Tables.READ);
        assertThat(tables.get(1) & D).isZero();
        tables.access(Tables.WRITE);
        assertThat(tables.get(1) & D).isEqualTo(D);
    }

    @Test
    void supervisorWriteThroughWpSetsDirtyInAReadOnlyEntry() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).clear(1, LongModeEntry.WRITABLE);
        tables.withoutWp().access(Tables.WRITE);
        assertThat(tables.get(1) & (A | D)).isEqualTo(A | D);
    }

    @Test
    void dirtyOfAnUpperEntryIsLeftAsItIs() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).set(2, D);
        tables.access(Tables.READ);
        assertThat(tables.get(2) & (A | D)).isEqualTo(A | D);
        assertThat(tables.get(1) & (A | D)).isEqualTo(A);
    }

    @Test
    void paePointerRegistersAreNeverMarked() {
        Tables tables = Tables.of(PagingMode.PAE, 1);
        long[] before = tables.pdpte.clone();
        tables.access(Tables.WRITE);
        assertThat(tables.pdpte).isEqualTo(before);
    }

    @Test
    void writeOfAnotherProcessorBetweenReadAndUpdateStartsTheWalkAgain() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.memory = new RacingMemory(tables, tables.address(1), 0);
        assertThat(tables.access(Tables.WRITE)).isEqualTo(new Walk.Fault(0x2, 1));
        assertThat(tables.get(1)).as("the other processor's entry").isZero();
    }

    @Test
    void walkStartedAgainTakesTheNewEntry() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.memory = new RacingMemory(tables, tables.address(1), 0x5007);
        assertThat(tables.access(Tables.WRITE)).isEqualTo(new Walk.Mapped(0x5678, PageSize.SIZE_4K, true, true, true));
        assertThat(tables.get(1)).isEqualTo(0x5067);
    }

    /** Memory in which another processor stores a leaf just when the walk updates it for the first time. */
    private static final class RacingMemory extends GuestMemory {
        private final long leaf;
        private final long stored;
        private boolean done;

        RacingMemory(Tables tables, long leaf, long stored) {
            for (int address = 0; address < BYTES; address += 8) {
                putLong(address, tables.memory.readLong(address));
            }
            this.leaf = leaf;
            this.stored = stored;
        }

        @Override
        public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
            if (guestPhysical == leaf && !done) {
                done = true;
                putLong(leaf, stored);
            }
            return super.compareAndSetLong(guestPhysical, expected, value);
        }
    }

    @Test
    void oneEntryUsedAtEveryLevelIsMarkedOnceAndTheWalkEnds() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.cr3 = 0x4000;
        tables.linear = 0xFFFF_FFFF_FFFF_F000L | 0xFF8;
        tables.memory.putLong(0x4FF8, 0x4007);
        assertThat(tables.access(Tables.WRITE)).isEqualTo(new Walk.Mapped(0x4FF8, PageSize.SIZE_4K, true, true, true));
        assertThat(tables.memory.readLong(0x4FF8)).isEqualTo(0x4067);
    }

    @Test
    void tablesInReadOnlyMemoryTranslateWithoutBeingMarked() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        GuestMemory ram = tables.memory;
        PhysicalMemory rom = new PhysicalMemory() {
            @Override
            public int readInt(long guestPhysical) {
                return ram.readInt(guestPhysical);
            }

            @Override
            public long readLong(long guestPhysical) {
                return ram.readLong(guestPhysical);
            }

            @Override
            public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
                return false;
            }

            @Override
            public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
                return false;
            }
        };
        assertThat(DefinitionWalker.walk(tables.registers(), rom, tables.linear, Tables.WRITE, true))
                .isInstanceOf(Walk.Mapped.class);
        assertThat(ram.readLong(tables.address(1)) & (A | D)).isZero();
    }
}
