package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Segment descriptors: what they may be, and the GDTs and LDTs that hold them. */
class DescriptorsTest {
    private static final long DATA_0 = 0x00CF_9300_0000_FFFFL;
    private static final long DATA_3 = 0x00CF_F300_0000_FFFFL;
    private static final long CODE_64_0 = 0x00AF_9B00_0000_FFFFL;
    private static final long TSS = 0x0000_8900_0000_0067L;
    private static final long LDT = 0x0000_8200_0000_0067L;
    private static final long INTERRUPT_GATE = 0x0000_EE00_0010_0000L;

    private final PvWorld world = new PvWorld();
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;

    @AfterEach
    void nothingIsLeft() {
        world.check();
        assertThat(tables.destroy()).isZero();
        world.check();
        world.close();
    }

    private static long callGate(int selector, int privilege, int reserved) {
        return 0x0000_8C00_0000_0000L | (long) privilege << 45 | (long) selector << 16 | (long) reserved << 32 | 0x1234;
    }

    @Test
    void whatLeadsToNoPrivilegeIsAdmitted() {
        assertThat(DescriptorAudit.admit(0)).isZero();
        assertThat(DescriptorAudit.admit(TSS & ~(1L << 47))).isEqualTo(TSS & ~(1L << 47));
        assertThat(DescriptorAudit.admit(DATA_0)).isEqualTo(DATA_3);
        assertThat(DescriptorAudit.admit(DATA_3)).isEqualTo(DATA_3);
        assertThat(DescriptorAudit.admit(CODE_64_0)).isEqualTo(CODE_64_0 | 3L << 45);
        assertThat(DescriptorAudit.admit(1L << 47)).isEqualTo(7L << 45);
    }

    @Test
    void systemSegmentsAndOtherGatesAreRefused() {
        for (int type = 1; type < 16; type++) {
            long descriptor = 0x0000_8000_0010_0000L | (long) type << 40;
            assertThat(DescriptorAudit.admit(descriptor) == DescriptorAudit.REFUSED)
                    .isEqualTo(type != 0xC);
        }
        for (long descriptor : new long[] {TSS, LDT, INTERRUPT_GATE}) {
            assertThat(DescriptorAudit.admit(descriptor)).isEqualTo(DescriptorAudit.REFUSED);
        }
    }

    @Test
    void callGateIsAdmittedToGuestCodeOnlyAndCannotBeUsedDirectly() {
        for (int selector : new int[] {0x10, 0x33, 0xDFFB, 0xE023, 0xE033, 0x7, 0xFFFF}) {
            assertThat(DescriptorAudit.admit(callGate(selector, 3, 0))).isEqualTo(callGate(selector, 0, 0));
        }
        for (int selector : new int[] {0, 3, 0xE000, 0xE008, 0xE02B, 0xE043, 0xFFFB}) {
            assertThat(DescriptorAudit.admit(callGate(selector, 3, 0))).isEqualTo(DescriptorAudit.REFUSED);
        }
        assertThat(DescriptorAudit.admit(callGate(0x10, 3, 1))).isEqualTo(DescriptorAudit.REFUSED);
    }

    @Test
    void gdtIsAuditedAndMappedForTheProcessor() {
        long gdt = world.frame();
        world.poke(gdt, 2, CODE_64_0);
        assertThat(tables.setGdt(new long[] {gdt}, 16)).isZero();
        assertThat(world.peek(gdt, 2)).isEqualTo(CODE_64_0 | 3L << 45);
        assertThat(read(tables.gdtBase() + 16)).isEqualTo(CODE_64_0 | 3L << 45);
        assertThat(read(tables.gdtBase() + 0x1000)).isZero();
        assertThat(frames.typeCount(gdt)).isEqualTo(1);
    }

    /** As the processor finds it, in any L4 of the domain. */
    private long read(long linear) {
        long table = LongModeEntry.frame(tables.reservedSlots().entry(LongModeEntry.index(linear, 4)));
        for (int level = 3; level >= 1; level--) {
            long entry = world.peek(table, LongModeEntry.index(linear, level));
            assertThat(LongModeEntry.isPresent(entry)).isTrue();
            assertThat(LongModeEntry.isUser(entry)).isFalse();
            table = LongModeEntry.frame(entry);
        }
        return world.memory.readLong((table << 12) + (linear & 0xFFF));
    }

    @Test
    void hypervisorsDescriptorsAreThereFromTheStart() {
        for (int vcpu = 0; vcpu < 2; vcpu++) {
            tables.schedule(vcpu);
            assertThat(read(tables.gdtBase() + 0xE020)).isEqualTo(0x00CF_FB00_0000_FFFFL);
            assertThat(read(tables.gdtBase() + 0xE028)).isEqualTo(0x00CF_F300_0000_FFFFL);
            assertThat(read(tables.gdtBase() + 0xE030)).isEqualTo(0x00AF_FB00_0000_FFFFL);
            assertThat(read(tables.gdtBase() + 8)).isZero();
        }
        tables.schedule(0);
    }

    @Test
    void badGdtChangesNothing() {
        long sound = world.frame();
        assertThat(tables.setGdt(new long[] {sound}, 512)).isZero();
        long bad = world.frame();
        world.poke(bad, 511, TSS);
        Tree tree = world.loadedTree();
        String before = world.account();
        for (long frame : new long[] {bad, tree.data, tree.level1, world.machine.emptyFrame(), frames.size()}) {
            assertThat(tables.setGdt(new long[] {sound, frame}, 513)).isEqualTo(Errno.EINVAL);
            assertThat(world.account()).isEqualTo(before);
        }
        assertThat(tables.setGdt(new long[] {sound}, 7169)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setGdt(new long[] {sound}, -1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setGdt(new long[] {sound}, 513)).isEqualTo(Errno.EINVAL);
        assertThat(world.account()).isEqualTo(before);
    }

    @Test
    void gdtCannotBeMappedWritableOrBeATable() {
        Tree tree = world.loadedTree();
        long gdt = world.frame();
        tables.setGdt(new long[] {gdt}, 1);
        assertThat(tables.updateVa(LINEAR, entry(gdt, P | RW | US))).isEqualTo(Errno.EBUSY);
        assertThat(tables.pin(1, gdt)).isEqualTo(Errno.EINVAL);
        assertThat(tables.updateVa(LINEAR, entry(gdt, P | US))).isZero();
        assertThat(frames.typeCount(tree.data)).isZero();
    }

    @Test
    void descriptorIsUpdatedWhereItIsUsedAndWhereItCanBe() {
        long gdt = world.frame();
        tables.setGdt(new long[] {gdt}, 1);
        long plain = world.frame();
        Tree tree = world.loadedTree();
        assertThat(tables.updateDescriptor((gdt << 12) + 8, DATA_0)).isZero();
        assertThat(world.peek(gdt, 1)).isEqualTo(DATA_3);
        assertThat(tables.updateDescriptor((plain << 12) + 16, DATA_0)).isZero();
        assertThat(world.peek(plain, 2)).isEqualTo(DATA_3);
        assertThat(tables.updateDescriptor((gdt << 12) + 8, TSS)).isEqualTo(Errno.EINVAL);
        assertThat(tables.updateDescriptor((gdt << 12) + 4, DATA_0)).isEqualTo(Errno.EINVAL);
        assertThat(tables.updateDescriptor(tree.level1 << 12, DATA_0)).isEqualTo(Errno.EINVAL);
        assertThat(world.update((gdt << 12) + 8, TSS)).isEqualTo(Errno.EINVAL);
        assertThat(world.peek(gdt, 1)).isEqualTo(DATA_3);
    }

    @Test
    void ldtPageAppearsWhenItIsUsedAndGoesWithItsMapping() {
        Tree tree = world.loadedTree();
        long ldt = world.frame();
        world.poke(ldt, 3, CODE_64_0);
        tables.updateVa(LINEAR, entry(ldt, P | US));
        assertThat(tables.setLdt(LINEAR, 512)).isZero();
        assertThat(frames.typeCount(ldt)).isZero();
        long at = tables.ldtBase() + 24;
        assertThat(tables.guestAddress(at)).isEqualTo(LINEAR + 24);
        assertThat(tables.mapLdtPage(at)).isTrue();
        assertThat(read(at)).isEqualTo(CODE_64_0 | 3L << 45);
        world.check();
        assertThat(tables.updateVa(LINEAR, entry(tree.data, P | US))).isZero();
        assertThat(frames.typeCount(ldt)).isZero();
        assertThat(world.host.invalidated).contains(tables.ldtBase());
        assertThat(tables.updateVa(LINEAR, entry(ldt, P | US | RW))).isZero();
        assertThat(tables.mapLdtPage(at)).isFalse();
        assertThat(tables.updateVa(LINEAR, entry(ldt, P | US))).isZero();
        assertThat(tables.mapLdtPage(at)).isTrue();
        assertThat(tables.newBase(tree.level4)).isZero();
        assertThat(frames.typeCount(ldt)).isZero();
    }

    @Test
    void ldtMustBeOnPagesOfTheGuests() {
        assertThat(tables.setLdt(LINEAR + 8, 1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setLdt(LINEAR, 8193)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setLdt(LINEAR, -1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setLdt(MachineToPhys.LINEAR, 1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setLdt(0xFFFF_7FFF_FFFF_F000L, 1024)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setLdt(0x0000_7FFF_FFFF_F000L, 1024)).isEqualTo(Errno.EINVAL);
        assertThat(tables.setLdt(0x0000_7FFF_FFFF_F000L, 512)).isZero();
        assertThat(tables.setLdt(0xFFFF_8880_0000_0000L, 8192)).isZero();
        assertThat(tables.setLdt(8, 0)).isZero();
    }

    @Test
    void ldtWithABadDescriptorIsNotMapped() {
        Tree tree = world.loadedTree();
        long ldt = world.frame();
        world.poke(ldt, 500, INTERRUPT_GATE);
        tables.updateVa(LINEAR, entry(ldt, P | US));
        tables.setLdt(LINEAR, 1);
        assertThat(tables.mapLdtPage(tables.ldtBase())).isFalse();
        assertThat(frames.typeCount(ldt)).isZero();
        assertThat(frames.count(tree.data)).isEqualTo(1);
    }
}
