package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.RW;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the owner of the tables tells the TLB, and what stays. */
class TlbInvalidationTest {
    /** Same level-1 index as {@link TestMachine#DATA}, another level-2 index; and the other way round. */
    private static final long SAME_1 = DATA + (1 << 21), SAME_2 = DATA + 0x3000;

    private final TestMachine machine = TestMachine.shadow();

    @BeforeEach
    void build() {
        machine.map(SAME_1, RW);
        machine.map(SAME_2, RW);
        machine.code(CODE, "48890B F4"); // mov [rbx],rcx; hlt
        for (long linear : new long[] {DATA, SAME_1, SAME_2}) {
            walksFor(linear);
        }
    }

    @AfterEach
    void close() {
        machine.close();
    }

    /** Walks that a write to {@code linear} makes, code's included. */
    private long walksFor(long linear) {
        long before = walks();
        machine.state.rip = CODE;
        machine.state.gpr[VcpuState.RBX] = linear;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        return walks() - before;
    }

    private long walks() {
        TlbCounts counts = machine.processor.tlbCounts();
        return counts.misses() + counts.rechecks();
    }

    private long place(long table, long linear, int level) {
        return table + 8L * LongModeEntry.index(linear, level);
    }

    private long levelOneEntry(long linear) {
        long table = machine.root << MachineMemory.FRAME_SHIFT;
        for (int level = 4; level > 1; level--) {
            table = machine.memory.readLong(place(table, linear, level)) & LongModeEntry.FRAME_MASK;
        }
        return place(table, linear, 1);
    }

    @Test
    void anEntryOfLevelOneDropsWhateverSelectsItsIndexThere() {
        machine.processor.invalidateEntry(1, LongModeEntry.index(DATA, 1));
        assertThat(walksFor(SAME_2)).isZero();
        assertThat(walksFor(DATA)).isEqualTo(1);
        assertThat(walksFor(SAME_1)).isEqualTo(1);
    }

    @Test
    void anEntryOfLevelTwoDropsAllBelowIt() {
        machine.processor.invalidateEntry(2, LongModeEntry.index(DATA, 2));
        assertThat(walksFor(SAME_1)).as("but code lies below it, too").isEqualTo(1);
        assertThat(walksFor(SAME_1)).isZero();
        assertThat(walksFor(DATA)).isEqualTo(1);
        assertThat(walksFor(SAME_2)).isEqualTo(1);
    }

    @Test
    void reloadingTheSameTablesDropsNothing() {
        machine.processor.reload(new HardwarePaging.Shadow(machine.root << 12, false, false));
        assertThat(walksFor(DATA)).isZero();
    }

    @Test
    void loadingThemDropsEverything() {
        machine.processor.load(new HardwarePaging.Shadow(machine.root << 12, false, false));
        assertThat(walksFor(DATA)).isEqualTo(2);
    }

    @Test
    void otherTablesFindNothingOfTheseAndTheseAreStillThereAfterThem() {
        long other = machine.newFrame();
        machine.memory.copyFrame(machine.root, other);
        machine.processor.reload(new HardwarePaging.Shadow(other << 12, false, false));
        assertThat(walksFor(SAME_1)).isEqualTo(2);
        machine.processor.reload(new HardwarePaging.Shadow(machine.root << 12, false, false));
        assertThat(walksFor(DATA)).as("code's place was taken").isEqualTo(1);
        machine.processor.reload(new HardwarePaging.Shadow(machine.root << 12, true, false));
        assertThat(walksFor(DATA)).as("other rights").isEqualTo(2);
    }

    @Test
    void whatLiesInOtherTablesIsDroppedAsWell() {
        long other = machine.newFrame();
        machine.memory.copyFrame(machine.root, other);
        machine.processor.reload(new HardwarePaging.Shadow(other << 12, false, false));
        machine.processor.invalidateEntry(1, LongModeEntry.index(DATA, 1));
        machine.processor.reload(new HardwarePaging.Shadow(machine.root << 12, false, false));
        assertThat(walksFor(DATA)).isEqualTo(1);
    }

    @Test
    void moreTablesThanThereAreGenerationsMeetNothingOfOneAnother() {
        for (long tables = 0; tables < 10_000; tables++) {
            machine.processor.reload(new HardwarePaging.Shadow(tables << 12, false, false));
        }
        machine.processor.reload(new HardwarePaging.Shadow(machine.root << 12, false, false));
        assertThat(walksFor(DATA)).isEqualTo(2);
    }

    @Test
    void theAuditFindsARightThatWasLoweredInSilence() {
        machine.processor.auditTlb();
        long place = levelOneEntry(SAME_2);
        long entry = machine.memory.readLong(place);
        machine.memory.writeLong(place, entry & ~LongModeEntry.WRITABLE);
        assertThatThrownBy(machine.processor::auditTlb)
                .isInstanceOf(InvariantViolation.class)
                .hasMessageContaining("TLB-3")
                .hasMessageContaining(Long.toHexString(SAME_2));
        machine.processor.invalidateEntry(1, LongModeEntry.index(SAME_2, 1));
        machine.processor.auditTlb();
    }

    @Test
    void theAuditFindsCodeThatMayNoLongerBeExecuted() {
        long place = levelOneEntry(CODE);
        machine.memory.writeLong(place, machine.memory.readLong(place) | LongModeEntry.NO_EXECUTE);
        assertThatThrownBy(machine.processor::auditTlb).hasMessageContaining("TLB-3");
    }
}
