package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.LongModeEntry;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Work on tables that is interrupted at every possible place ends as if it had not been, and leaves a sound machine wherever it stops. */
class PartialValidationTest {
    private static final int CHILDREN = 3;

    private final PvWorld world = new PvWorld();
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;
    private final PvWorld.Host host = world.host;

    @AfterEach
    void nothingIsLeft() {
        host.patience = 0;
        assertThat(PvWorld.complete(tables::destroy)).isZero();
        world.check();
        world.close();
    }

    /** A table of {@code level} with three children of each level below, all of them shared by their parents but the first. */
    private static long bushy(PvWorld world, int level) {
        long table = world.frame();
        for (int i = 0; i < CHILDREN; i++) {
            long child = level == 1 ? world.frame() : bushy(world, level - 1);
            world.poke(table, i * 7, entry(child, P | RW | US));
            if (i > 0) {
                world.poke(table, 500 + i, entry(child, P | RW | US));
            }
        }
        return table;
    }

    private static final int LEVEL = 3;

    /** Every call but the last is preempted; the machine is sound after each. */
    private int preemptedCalls(LongSupplier call, long expected) {
        int calls = 0;
        for (host.patience = 0; ; calls++) {
            long result = call.getAsLong();
            world.check();
            if (result != Errno.RESTART) {
                assertThat(result).isEqualTo(expected);
                return calls;
            }
        }
    }

    @Test
    void pinThatIsPreemptedAtEveryEntryEndsAsOneThatIsNot() {
        long root = bushy(world, LEVEL);
        int calls = preemptedCalls(() -> tables.pin(LEVEL, root), 0);
        assertThat(calls).isGreaterThan(CHILDREN * CHILDREN);
        try (PvWorld other = new PvWorld()) {
            long same = bushy(other, LEVEL);
            assertThat(same).isEqualTo(root);
            other.tables.pin(LEVEL, same);
            assertThat(world.account()).isEqualTo(other.account());
        }
    }

    @Test
    void unpinThatIsPreemptedAtEveryEntryEndsAsOneThatIsNot() {
        long root = bushy(world, LEVEL);
        String before = world.account();
        tables.pin(LEVEL, root);
        host.patience = 0;
        assertThat(tables.unpin(root)).isZero();
        assertThat(tables.vcpu(0).hasParked()).isTrue();
        world.check();
        int calls = preemptedCalls(() -> tables.machphys(root, 3), 0);
        assertThat(calls).isPositive();
        assertThat(tables.vcpu(0).hasParked()).isFalse();
        assertThat(world.account()).isEqualTo(before);
    }

    @Test
    void validationThatFailsWithPreemptionAtEveryEntryLeavesNothing() {
        for (int place = 0; place < CHILDREN; place++) {
            long root = bushy(world, LEVEL);
            long middle = child(root, 7 * place);
            long leaf = child(middle, 14);
            world.poke(leaf, 400, entry(world.frames.size() + 9, P));
            String before = world.account();
            preemptedCalls(() -> tables.pin(LEVEL, root), Errno.EPERM);
            host.patience = -1;
            tables.machphys(root, 3);
            assertThat(world.account()).isEqualTo(before);
        }
    }

    /** Preempted once, after any number of entries, by a kernel that then does something else. */
    @Test
    void pinThatIsGivenUpIsCleanedUpAtTheEnd() {
        for (int patience = 0; patience < 12; patience++) {
            try (PvWorld other = new PvWorld()) {
                long root = bushy(other, LEVEL);
                other.host.patience = patience;
                assertThat(other.tables.pin(LEVEL, root)).isEqualTo(Errno.RESTART);
                assertThat(PvAudit.breaches(other.machine)).isEmpty();
                other.host.patience = -1;
                assertThat(other.tables.destroy()).isZero();
                other.check();
                assertThat(other.account()).doesNotContain("owner 1 ");
            }
        }
    }

    @Test
    void parkedTableIsCleanedUpBeforeAnythingElse() {
        long root = bushy(world, LEVEL);
        Tree tree = world.loadedTree();
        tables.pin(LEVEL, root);
        host.patience = 0;
        tables.unpin(root);
        long was = world.memory.readLong(tree.address(1));
        assertThat(world.update(tree.address(1), 0)).isEqualTo(Errno.RESTART);
        assertThat(world.memory.readLong(tree.address(1))).isEqualTo(was);
        assertThat(tables.storeToTable(tree.address(1), 8, 0)).isZero();
        tables.schedule(1);
        assertThat(world.update(tree.address(1), was)).isZero();
        tables.schedule(0);
    }

    /** A child that failed was parked, and its parent forgot it: the parent takes the child's place, with the bare frame. */
    @Test
    void xsa299ParentOfAFailedChildIsParkedInItsPlace() {
        long root = bushy(world, LEVEL);
        long middle = child(root, 7);
        world.poke(middle, 400, entry(world.frames.size() + 9, P));
        String before = world.account();
        long result;
        do {
            host.patience = 2;
            result = tables.pin(LEVEL, root);
            world.check();
        } while (result == Errno.RESTART);
        assertThat(result).isEqualTo(Errno.EINVAL);
        while (tables.vcpu(0).hasParked()) {
            assertThat(tables.vcpu(0).parked()).isEqualTo(root);
            assertThat(frames.isPartial(root)).isTrue();
            host.patience = 0;
            tables.machphys(root, 1);
            world.check();
        }
        assertThat(world.account()).isEqualTo(before);
    }

    /** An entry whose child was partial lost that state when it was interrupted before it got any further. */
    @Test
    void xsa310EntryThatIsInterruptedKeepsItsState() {
        long root = bushy(world, LEVEL);
        long middle = child(root, 0);
        host.patience = 0;
        assertThat(tables.pin(LEVEL, root)).isEqualTo(Errno.RESTART);
        assertThat(frames.has(root, MachineFrames.CHILD_PARTIAL)).isTrue();
        host.patience = -1;
        boolean[] tried = {false};
        host.onMark = () -> {
            if (!tried[0]) {
                tried[0] = true;
                tables.schedule(0);
                assertThat(tables.pin(LEVEL, root)).isEqualTo(Errno.RESTART);
                assertThat(frames.isPartial(root)).isTrue();
                assertThat(frames.has(root, MachineFrames.CHILD_PARTIAL)).isTrue();
                tables.schedule(1);
            }
        };
        tables.schedule(1);
        assertThat(tables.pin(LEVEL - 1, middle)).isZero();
        assertThat(tried[0]).isTrue();
        host.onMark = null;
        world.check();
        tables.schedule(0);
        assertThat(tables.pin(LEVEL, root)).isZero();
        assertThat(frames.typeCount(middle)).isEqualTo(2);
        world.check();
    }

    private long child(long table, int slot) {
        return LongModeEntry.frame(world.peek(table, slot));
    }

    /** Two vCPUs work on the same tables, each stopped at every entry, in any order. */
    @Test
    void twoVcpusThatPinAndUnpinTheSameTablesEndSound() {
        long root = bushy(world, LEVEL);
        String before = world.account();
        long child = child(root, 7);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 3000; i++) {
            tables.schedule(random.nextInt(2));
            host.patience = random.nextInt(4) - 1;
            long mfn = random.nextBoolean() ? root : child;
            int level = mfn == root ? LEVEL : LEVEL - 1;
            long result = random.nextBoolean() ? tables.pin(level, mfn) : tables.unpin(mfn);
            assertThat(result).isIn(0L, (long) Errno.RESTART, (long) Errno.EINVAL);
            assertThat(PvAudit.breaches(world.machine)).as("step %d", i).isEmpty();
        }
        host.patience = -1;
        for (int vcpu = 0; vcpu < 2; vcpu++) {
            tables.schedule(vcpu);
            for (long mfn : new long[] {root, child}) {
                PvWorld.complete(() -> tables.pin(mfn == root ? LEVEL : LEVEL - 1, mfn));
                PvWorld.complete(() -> tables.unpin(mfn));
            }
        }
        assertThat(world.account()).isEqualTo(before);
    }

    /** While one vCPU validates a table, another that wants it gets nothing, and is told to come back. */
    @Test
    void tableInWorkCannotBeTakenByAnother() {
        long root = bushy(world, 2);
        long child = child(root, 0);
        boolean[] tried = {false};
        host.onMark = () -> {
            if (!tried[0] && frames.typeCount(child) == 1 && !frames.isValidated(child)) {
                tried[0] = true;
                tables.schedule(1);
                assertThat(tables.pin(1, child)).isEqualTo(Errno.RESTART);
                assertThat(tables.pin(2, root)).isEqualTo(Errno.RESTART);
                assertThat(tables.takeWritable(child)).isEqualTo(Errno.EINVAL);
                tables.schedule(0);
            }
        };
        assertThat(tables.pin(2, root)).isZero();
        assertThat(tried[0]).isTrue();
        assertThat(frames.typeCount(child)).isEqualTo(1);
        host.onMark = null;
        world.check();
    }

    @Test
    void basesCanBeChangedWithPreemptionAtEveryEntry() {
        long first = bushy(world, 4);
        world.poke(first, 300, entry(bushy(world, 1), P));
        world.poke(first, 300, 0);
        preemptedCalls(() -> tables.newBase(first), 0);
        Tree second = world.tree();
        preemptedCalls(() -> tables.newBase(second.level4), 0);
        preemptedCalls(() -> tables.newUserBase(second.level4), 0);
        preemptedCalls(() -> tables.newUserBase(0), 0);
        assertThat(frames.typeCount(first)).isZero();
        assertThat(frames.typeCount(second.level4)).isEqualTo(1);
    }

    @Test
    void entryWhoseNewTableIsPreemptedIsNotStored() {
        Tree tree = world.loadedTree();
        long other = bushy(world, 3);
        long was = world.memory.readLong(tree.address(4));
        host.patience = 0;
        assertThat(world.update(tree.address(4), entry(other, P | RW | US))).isEqualTo(Errno.RESTART);
        assertThat(world.memory.readLong(tree.address(4))).isEqualTo(was);
        world.check();
        preemptedCalls(() -> world.update(tree.address(4), entry(other, P | RW | US)), 0);
        assertThat(frames.typeCount(tree.level3)).isZero();
    }
}
