package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.A;
import static io.umbra.shadow.pv.PvWorld.D;
import static io.umbra.shadow.pv.PvWorld.DOMAIN;
import static io.umbra.shadow.pv.PvWorld.G;
import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.InvariantViolation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** For each rule a mutant: exactly one thing is corrupted, and exactly that rule is reported. */
class PvAuditTest {
    private static final long IO_FRAME = 0xFEE00;
    private static final IoSpace DEVICE = new IoSpace() {
        @Override
        public boolean mayMap(long mfn) {
            return mfn == IO_FRAME;
        }

        @Override
        public boolean isReadOnly(long mfn) {
            return false;
        }

        @Override
        public boolean mayChooseCaching() {
            return true;
        }
    };

    private final PvWorld world = new PvWorld(new PvPolicy(true, DEVICE, AbsentEntries.audited(40, 256L << 12)));
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;
    private final Tree tree = world.loadedTree();

    @AfterEach
    void close() {
        world.close();
    }

    private void reports(String... rules) {
        assertThat(PvAudit.breaches(world.machine)).extracting(Breach::rule).containsOnly(rules);
        assertThatThrownBy(tables::audit).isInstanceOf(InvariantViolation.class);
    }

    private void set(int level, long entry) {
        world.memory.writeLong(tree.address(level), entry);
    }

    private long get(int level) {
        return world.memory.readLong(tree.address(level));
    }

    @Test
    void aSoundMachineHasNoBreaches() {
        world.check();
        tables.audit();
    }

    @Test
    void tableOfAnotherOwnerBreaksOwner1() {
        frames.assign(tree.level3, PvWorld.HVM, MachineFrames.ALLOCATED);
        assertThat(PvAudit.breaches(world.machine)).extracting(Breach::rule).contains("OWNER-1");
    }

    @Test
    void mappingOfTheHypervisorsFrameBreaksOwner2() {
        long own = world.machine.ownFrame();
        frames.take(own);
        tables.updateVa(LINEAR, 0);
        set(1, entry(own, P | US | G));
        reports("OWNER-2");
    }

    @Test
    void writableMappingOfATableBreaksType1() {
        tables.updateVa(LINEAR, 0);
        frames.takeSpare(tree.level1);
        frames.typeCount(tree.level1, 2);
        set(1, entry(tree.level1, P | RW | US | G));
        reports("TYPE-1");
    }

    @Test
    void writableMappingOfAFrameLentForReadingBreaksType1() {
        long lent = tables.share(false);
        tables.updateVa(LINEAR, entry(lent, P | US));
        frames.typeCount(lent, 2);
        set(1, get(1) | RW);
        reports("TYPE-1");
    }

    @Test
    void linkToATableOfTheWrongTypeBreaksType2() {
        frames.type(tree.level1, FrameType.SEGMENT_DESCRIPTORS);
        reports("TYPE-2");
    }

    @Test
    void tableInUseThatWasNotValidatedBreaksType3() {
        frames.set(tree.level2, MachineFrames.VALIDATED, false);
        reports("TYPE-3");
    }

    @Test
    void typeReferenceTooManyBreaksCount1() {
        frames.typeCount(tree.data, 2);
        reports("COUNT-1");
    }

    @Test
    void referenceTooManyBreaksCount2() {
        frames.takeSpare(tree.data);
        reports("COUNT-2");
    }

    @Test
    void referenceToNobodysFrameBreaksFree1() {
        long free = world.allocator.allocate();
        frames.assign(free, DOMAIN, MachineFrames.ALLOCATED);
        world.allocator.free(free);
        reports("FREE-1");
    }

    @Test
    void bitThatIsNotAllowedBreaksEntry1() {
        set(2, get(2) | PvWorld.PCD);
        reports("ENTRY-1");
    }

    @Test
    void supervisorEntryBreaksEntry2() {
        set(3, get(3) & ~US);
        reports("ENTRY-2");
    }

    @Test
    void leafWithoutAMarkBreaksEntry2() {
        set(1, get(1) & ~G);
        reports("ENTRY-2");
    }

    @Test
    void reservedSlotOfTheGuestsBreaksSlot1() {
        world.poke(tree.level4, 271, entry(tree.level3, P | RW | US | A));
        reports("SLOT-1");
    }

    @Test
    void writableLinearEntryBreaksLinear1() {
        assertThat(world.update(PvWorld.address(tree.level4, 5), entry(tree.level4, P | US)))
                .isZero();
        world.check();
        world.poke(tree.level4, 5, world.peek(tree.level4, 5) | RW);
        reports("LINEAR-1");
    }

    @Test
    void wrongLinearCountBreaksLinear2() {
        frames.linear(tree.level3, 1);
        reports("LINEAR-2");
    }

    @Test
    void partialTableThatIsValidatedBreaksPartial1() {
        Tree other = world.tree();
        world.poke(other.level3, 9, entry(tree.level2, P | US));
        world.host.patience = 0;
        assertThat(tables.pin(4, other.level4)).isEqualTo(Errno.RESTART);
        world.check();
        assertThat(frames.isPartial(other.level4)).isTrue();
        frames.set(other.level4, MachineFrames.VALIDATED, true);
        reports("PARTIAL-1");
    }

    @Test
    void referenceLostByAPartialTablesChildBreaksCount2() {
        Tree other = world.tree();
        world.poke(other.level3, 9, entry(tree.level2, P | US));
        world.host.patience = 0;
        tables.pin(4, other.level4);
        assertThat(frames.has(other.level4, MachineFrames.CHILD_PARTIAL)).isTrue();
        frames.set(other.level4, MachineFrames.CHILD_PARTIAL, false);
        reports("COUNT-2");
    }

    @Test
    void cachedMappingOfADeviceBreaksIo1() {
        assertThat(tables.updateVa(LINEAR, entry(IO_FRAME, P | RW | US))).isZero();
        world.check();
        set(1, get(1) & ~(PvWorld.PCD | PvWorld.PWT));
        reports("IO-1");
    }

    @Test
    void systemDescriptorBreaksDesc1() {
        long gdt = world.frame();
        assertThat(tables.setGdt(new long[] {gdt}, 16)).isZero();
        world.check();
        world.poke(gdt, 3, 0x0000_8900_0000_0067L);
        reports("DESC-1");
    }

    @Test
    void descriptorsThatAreNotMappedBreakArea1() {
        long gdt = world.frame();
        tables.setGdt(new long[] {gdt}, 16);
        tables.vcpu(0).gdtFrames[0] = 0;
        tables.vcpu(0).gdtFrames[1] = gdt;
        reports("AREA-1");
    }

    @Test
    void absentEntryThatNamesMemoryBreaksAbsent1() {
        for (int level = 1; level <= 4; level++) {
            long address = PvWorld.address(tree.table(level), 500);
            world.memory.writeLong(address, entry(tree.data, RW));
            reports("ABSENT-1");
            world.memory.writeLong(address, level == 1 ? PvWorld.PS : 0);
            world.check();
        }
        world.memory.writeLong(PvWorld.address(tree.level2, 500), PvWorld.PS);
        reports("ABSENT-1");
    }

    @Test
    void numberOfAFreeFrameBreaksM2p1() {
        world.machine.m2p().set(world.machine.emptyFrame(), 5);
        reports("M2P-1");
    }

    @Test
    void aAndDBitsThatHardwareSetsBreakNothing() {
        for (int level = 1; level <= 4; level++) {
            set(level, get(level) | A | (level == 1 ? D : 0));
        }
        world.check();
    }

    /** The rules are those of the package's description, and each has its mutant here. */
    @Test
    void eachRuleHasAMutant() throws IOException {
        Path source = Path.of("src/main/java/io/umbra/shadow/pv/package-info.java");
        Set<String> rules = Pattern.compile("<li>([A-Z0-9]+-\\d):")
                .matcher(Files.readString(source))
                .results()
                .map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        String tests = Files.readString(Path.of("src/test/java/io/umbra/shadow/pv/PvAuditTest.java"));
        assertThat(rules)
                .hasSizeGreaterThan(15)
                .allSatisfy(rule -> assertThat(tests).contains("\"" + rule + "\""));
    }
}
