package io.umbra.shadow.pv;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.Efer;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.Walk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Executes operations on a {@link PvWorld}, with hardware beside it: each vCPU has a TLB that keeps every translation until it is told to drop it, and a store of the guest's goes where the TLB says. Such a store must never hit
 * a table, descriptors, or a frame that is not the guest's.
 */
final class PvGuest implements AutoCloseable {
    static final int PER_LEVEL = 4;
    /** Frames of levels 0 to 4, and of nothing in particular. */
    static final int POOL = PER_LEVEL * 6;
    /** Places beyond: a shared frame, one lent for reading, an HVM domain's, the hypervisor's, nobody's, one beyond memory. */
    static final int STRANGE = 6;

    private static final long LDT = 1L << 30 | 1L << 21 | 3L << 12;

    /** What can be wrong with the world around the tables, to show that it is noticed. */
    enum Defect {
        NONE,
        /** TLBs are never flushed. */
        FLUSHES_LOST,
        /** Somebody stores to tables behind the audit's back. */
        TABLES_SCRIBBLED,
        /** References are lost now and then. */
        REFERENCES_LOST
    }

    private record Translation(long frame, boolean writable) {}

    final PvWorld world;
    private final PvTables tables;
    private final MachineFrames frames;
    private final PvTables neighbour;
    private final Defect defect;
    private final long[] pool = new long[POOL + STRANGE];
    private final List<Map<Long, Translation>> tlbs = List.of(new HashMap<>(), new HashMap<>());
    private final List<Long> held = new ArrayList<>();
    private int executed;
    /** Calls that did something, by kind, and how many were refused. */
    final int[] accepted = new int[PvOperation.Kind.values().length];

    int refused;

    /** @param audits absent entries that name memory are refused, for the host cannot hide tables */
    PvGuest(Defect defect, boolean audits) {
        this.defect = defect;
        world = new PvWorld(audits ? PvPolicy.DEFAULT.with(AbsentEntries.audited(40, 256L << 12)) : PvPolicy.DEFAULT);
        tables = world.tables;
        frames = world.frames;
        neighbour = new PvTables(world.machine, 2, 1, new PvWorld.Host(), PvPolicy.DEFAULT);
        for (int i = 0; i < POOL; i++) {
            pool[i] = world.frame();
        }
        long hvm = world.allocator.allocate();
        world.machine.adopt(hvm, PvWorld.HVM);
        pool[POOL] = tables.share(true);
        pool[POOL + 1] = tables.share(false);
        pool[POOL + 2] = hvm;
        pool[POOL + 3] = world.machine.emptyFrame();
        pool[POOL + 4] = world.allocator.allocate();
        pool[POOL + 5] = frames.size() + 3;
        world.host.power.add(PvWorld.HVM);
        build();
        world.host.onFlush = () -> {
            if (defect != Defect.FLUSHES_LOST) {
                tlbs.forEach(Map::clear);
            }
        };
    }

    /** What the guest starts with: an L4, an L3, two L2s and four L1s, which map data, and for reading themselves; the last one a frame at {@link #LDT} instead. */
    private void build() {
        long level4 = pool[4 * PER_LEVEL];
        long level3 = pool[3 * PER_LEVEL];
        world.poke(level4, 0, LongModeEntry.of(level3, 7));
        for (int i = 0; i < 4; i++) {
            long level2 = pool[2 * PER_LEVEL + i / 2];
            long level1 = pool[PER_LEVEL + i];
            world.poke(level3, i / 2, LongModeEntry.of(level2, 7));
            world.poke(level2, i % 2, LongModeEntry.of(level1, 7));
            for (int slot = 0; slot < 3; slot++) {
                world.poke(level1, slot, LongModeEntry.of(pool[slot], 7));
            }
            world.poke(level1, 3, LongModeEntry.of(i == 3 ? pool[POOL - 1] : level1, 5));
        }
        for (int vcpu = 1; vcpu >= 0; vcpu--) {
            tables.schedule(vcpu);
            assertThat(tables.newBase(level4)).isZero();
        }
    }

    @Override
    public void close() {
        world.close();
    }

    void execute(PvOperation operation) {
        executed++;
        tables.schedule(operation.vcpu());
        world.host.patience = operation.patience();
        String before = isPlain(operation) ? summary() : "";
        long result = call(operation);
        if (result == 0) {
            accepted[operation.kind().ordinal()]++;
        } else if (result != Errno.RESTART) {
            refused++;
            if (!before.isEmpty()) {
                assertThat(summary())
                        .as("after %s was refused with %d".formatted(operation, result))
                        .isEqualTo(before);
            }
        }
        world.host.patience = -1;
        harm();
    }

    /** A refusal must change nothing: when no work is left over from an earlier call, and no LDT page is mapped, as those can go at any time. Compared every so often, as it costs. */
    private boolean isPlain(PvOperation operation) {
        if (executed % 32 != 0 || operation.patience() >= 0) {
            return false;
        }
        boolean isPlain = true;
        for (int vcpu = 0; vcpu < 2; vcpu++) {
            isPlain &= !tables.vcpu(vcpu).hasParked();
            isPlain &= Arrays.stream(tables.vcpu(vcpu).ldtFrames).allMatch(mfn -> mfn == PvTables.NONE);
        }
        for (long mfn = 0; mfn < frames.size(); mfn++) {
            isPlain &= !frames.isPartial(mfn);
        }
        return isPlain;
    }

    private String summary() {
        return world.account();
    }

    private void harm() {
        if (defect == Defect.TABLES_SCRIBBLED && executed % 50 == 0) {
            world.poke(pool[PER_LEVEL], 2, LongModeEntry.of(pool[PER_LEVEL], 3));
        }
        if (defect == Defect.REFERENCES_LOST && executed == 50) {
            frames.drop(pool[1]);
        }
    }

    private long call(PvOperation o) {
        long mfn = pool[o.frame()];
        long target = pool[o.target()];
        long value = LongModeEntry.of(target, o.flags());
        long maddr = (mfn << 12) + 8L * o.slot();
        long linear = linear(o);
        int owner = o.target() == POOL + 2 ? PvWorld.HVM : PvWorld.DOMAIN;
        UpdateKind kind = o.slot() == 1 ? UpdateKind.PRESERVE_AD : UpdateKind.NORMAL;
        return switch (o.kind()) {
            case UPDATE -> tables.update(maddr, value, kind, PvWorld.DOMAIN, owner);
            case UPDATE_VA -> tables.updateVa(linear, value);
            case HARDWARE_READ -> access(o.vcpu(), linear, false, 0);
            case HARDWARE_WRITE -> access(o.vcpu(), linear, true, value);
            case DIRECT_STORE -> store(o, linear, value);
            case DIRECT_EXCHANGE -> exchange(o, linear, value);
            case PIN -> tables.pin(o.frame() < POOL ? o.frame() / PER_LEVEL % 5 : 1, mfn);
            case UNPIN -> tables.unpin(mfn);
            case NEW_BASE -> newBase(o, mfn);
            case NEW_USER_BASE -> tables.newUserBase(o.slot() == 0 ? 0 : mfn);
            case SET_GDT -> tables.setGdt(new long[] {mfn, target}, o.slot() * 2);
            case SET_LDT -> tables.setLdt((o.flags() & 2) != 0 ? LDT : linear, o.slot());
            case USE_LDT -> useLdt(o);
            case UPDATE_DESCRIPTOR -> tables.updateDescriptor(maddr, descriptor(o));
            case CLEAR -> tables.clearPage(mfn);
            case COPY -> tables.copyPage(mfn, target);
            case RELEASE -> release(o);
            case HOLD -> hold(mfn);
            case UNHOLD -> unhold();
            case MACHPHYS -> tables.machphys(mfn, value);
            case TRANSFER -> transfer(o, mfn);
            case FLUSH -> {
                tables.flush();
                yield 0;
            }
        };
    }

    /** Mostly one that the tables of {@link #build} lead to. */
    private static long linear(PvOperation o) {
        long top = (o.frame() & 3) == 3 ? o.slot() : 0;
        return (top << 39 | (long) (o.target() & 1) << 30 | (long) (o.frame() & 1) << 21 | (long) (o.slot() & 3) << 12)
                << 16
                >> 16;
    }

    private static long descriptor(PvOperation o) {
        return 0x00CF_9300_0000_FFFFL ^ (o.flags() & 7) << 44 ^ (long) (o.target() & 7) << 40;
    }

    private long newBase(PvOperation o, long mfn) {
        long result = tables.newBase(mfn);
        if (result == 0) {
            tlbs.get(o.vcpu()).clear();
        }
        return result;
    }

    private long release(PvOperation o) {
        long result = o.frame() < POOL ? tables.release(pool[o.frame()]) : Errno.EINVAL;
        if (result == 0) {
            pool[o.frame()] = world.frame();
        }
        return result;
    }

    private long transfer(PvOperation o, long mfn) {
        long result = o.frame() < POOL ? tables.transfer(mfn, neighbour, 5) : Errno.EINVAL;
        if (result == 0) {
            neighbour.release(mfn);
            pool[o.frame()] = world.frame();
        }
        return result;
    }

    private long useLdt(PvOperation o) {
        if ((o.flags() & 4) != 0) {
            tables.setLdt(LDT, o.slot() + 1);
        }
        return tables.mapLdtPage(tables.ldtBase() + 8L * o.slot()) ? 0 : Errno.EINVAL;
    }

    private long hold(long mfn) {
        long result = tables.takeWritable(mfn);
        if (result == 0) {
            held.add(mfn);
        }
        return result;
    }

    private long unhold() {
        if (held.isEmpty()) {
            return Errno.EINVAL;
        }
        tables.dropWritable(held.removeLast());
        return 0;
    }

    // ---- hardware
    // -----------------------------------------------------------------------------------------------------------------------

    private long access(int vcpu, long linear, boolean write, long value) {
        Translation translation = tlbs.get(vcpu).get(linear >>> 12);
        if (translation == null || write && !translation.writable()) {
            translation = walk(linear, write);
            if (translation == null) {
                return Errno.EINVAL;
            }
            tlbs.get(vcpu).put(linear >>> 12, translation);
        }
        long mfn = translation.frame();
        if (!frames.contains(mfn)) {
            return 0;
        }
        int owner = frames.owner(mfn);
        boolean isProtected = frames.typeCount(mfn) > 0 && frames.type(mfn) != FrameType.WRITABLE;
        boolean isForeign = owner != PvWorld.DOMAIN && owner != PvWorld.HVM;
        boolean isM2p = linear >= MachineToPhys.LINEAR && linear < MachineToPhys.LINEAR + (1L << 39);
        if (write && isProtected || isForeign && !(isM2p && !write)) {
            throw new AssertionError("the guest's access to 0x%x reaches frame 0x%x, of type %s and domain %d"
                    .formatted(linear, mfn, frames.type(mfn), owner));
        }
        if (write) {
            world.memory.writeLong((mfn << 12) + 8 * (value >>> 12 & 3), value);
        }
        return 0;
    }

    /** By the definition, at CPL 3. */
    private Translation walk(long linear, boolean write) {
        long base = tables.kernelBase();
        if (base == PvTables.NONE) {
            return null;
        }
        PagingRegisters registers = new PagingRegisters(
                Cr0.PAGING | Cr0.WRITE_PROTECT,
                base << 12,
                Cr4.PHYSICAL_ADDRESS_EXTENSION,
                Efer.LONG_MODE_ACTIVE | Efer.LONG_MODE_ENABLE | Efer.NO_EXECUTE,
                List.of(0L, 0L, 0L, 0L),
                false,
                0,
                52,
                true,
                true);
        int access = PageFaultCode.USER | (write ? PageFaultCode.WRITE : 0);
        Walk walk = DefinitionWalker.walk(registers, PhysicalMemory.of(world.memory), linear, access, true);
        if (walk instanceof Walk.Mapped mapped) {
            return new Translation(mapped.guestPhysical() >>> 12, write);
        }
        return null;
    }

    private long store(PvOperation o, long linear, long value) {
        long maddr = tables.tableByteAt(linear | 8L * (o.target() & 3));
        int size = 1 << (o.frame() & 3);
        return maddr < 0 ? Errno.EINVAL : tables.storeToTable(maddr, size, value);
    }

    private long exchange(PvOperation o, long linear, long value) {
        long maddr = tables.tableByteAt(linear | 8L * (o.target() & 3));
        int size = 1 << (o.frame() & 3);
        if (maddr < 0) {
            return Errno.EINVAL;
        }
        long expected = (o.flags() & 2) == 0 ? value : world.memory.read(maddr & -size, size);
        return tables.exchangeInTable(maddr, size, expected, value);
    }

    /** Ends the domain; afterwards it has nothing. */
    void end() {
        world.host.patience = 0;
        while (!held.isEmpty()) {
            unhold();
        }
        PvWorld.complete(tables::destroy);
        PvWorld.complete(neighbour::destroy);
        for (long mfn = 0; mfn < frames.size(); mfn++) {
            if (frames.owner(mfn) == PvWorld.DOMAIN || frames.owner(mfn) == 2) {
                throw new AssertionError("frame 0x%x is left".formatted(mfn));
            }
        }
    }
}
