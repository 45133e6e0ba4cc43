package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import io.umbra.x86.TwoLevelEntry;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A guest with 64 frames of memory, gfn 64 read-only, gfn 65 a device, and 2 MiB of memory at gfn 512. Its root is {@link #ROOT}, where PAE paging has its PDPTEs; tables are made as {@link
 * #map} needs them, from gfn 2 up. Linear 0 is table index 0 at all levels.
 */
final class SmallGuest implements AutoCloseable {
    static final long P = LongModeEntry.PRESENT;
    static final long RW = LongModeEntry.WRITABLE;
    static final long US = LongModeEntry.USER;
    static final long A = LongModeEntry.ACCESSED;
    static final long D = LongModeEntry.DIRTY;
    static final long PS = LongModeEntry.PAGE_SIZE;
    static final long NX = LongModeEntry.NO_EXECUTE;
    static final long KERNEL = P | RW;

    static final int READ = 0;
    static final int WRITE = PageFaultCode.WRITE;
    static final int USER = PageFaultCode.USER;
    static final int FETCH = PageFaultCode.FETCH;

    static final long ROOT = 1;
    static final long READ_ONLY = 64;
    static final long DEVICE = 65;
    static final long LARGE = 512;

    static final ShadowPolicy POLICY = new ShadowPolicy(
            ShadowPolicy.Coherence.WRITE_PROTECT,
            ShadowPolicy.Populate.ALL_LEVELS,
            ShadowPolicy.WritableSearch.REVERSE_MAP,
            ShadowPolicy.MINIMUM_POOL,
            0);

    final MachineMemory memory = new MachineMemory(8192);
    final FrameAllocator allocator = new FrameAllocator(8192, 7);
    final P2m p2m = new P2m(memory, allocator);
    final VcpuState state = new VcpuState();
    final HardwareWalk hardware = new HardwareWalk(memory, state);
    final RegisterWrites registers = new RegisterWrites(state, new Effects());
    final ShadowPaging engine;
    final List<FaultOutcome> outcomes = new ArrayList<>();
    boolean canEmulate = true;
    /** What the emulator does, instead of the stores of {@link #store}. */
    @Nullable
    InstructionEmulator instructions;

    private long nextTable = 2;
    private long storeAt;
    private long[] stored = {};
    private int storeAccess;

    SmallGuest() {
        this(POLICY);
    }

    SmallGuest(ShadowPolicy policy) {
        this(PagingMode.FOUR_LEVEL, policy);
    }

    SmallGuest(PagingMode mode) {
        this(mode, POLICY);
    }

    SmallGuest(PagingMode mode, ShadowPolicy policy) {
        for (long gfn = 0; gfn < 64; gfn++) {
            p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
        }
        p2m.set(READ_ONLY, 1, allocator.allocate(), P2mType.READ_ONLY);
        p2m.set(DEVICE, 1, 0, P2mType.MMIO);
        p2m.set(LARGE, 2, allocator.allocateRun(), P2mType.RAM);
        state.cr0 = Cr0.PROTECTION | Cr0.WRITE_PROTECT | (mode == PagingMode.NONE ? 0 : Cr0.PAGING);
        state.cr3 = ROOT << 12;
        state.cr4 = Cr4.PAGE_SIZE_EXTENSIONS
                | (mode == PagingMode.TWO_LEVEL ? 0 : Cr4.PHYSICAL_ADDRESS_EXTENSION)
                | (mode == PagingMode.FIVE_LEVEL ? Cr4.FIVE_LEVEL : 0);
        state.efer = Efer.NO_EXECUTE | (mode.isLong() ? Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE : 0);
        engine = new ShadowPaging(memory, allocator, p2m, DeviceMemory.NONE, policy);
        engine.attach(state, hardware, this::emulate);
    }

    // ---- the guest's memory, written behind the engine's back

    long mfn(long gfn) {
        return P2m.mfn(p2m.lookup(gfn));
    }

    long entry(long table, int slot) {
        return memory.readLong((mfn(table) << 12) + slot * 8L);
    }

    void poke(long table, int slot, long entry) {
        memory.writeLong((mfn(table) << 12) + slot * 8L, entry);
    }

    PagingMode mode() {
        return registers.mode();
    }

    /** The guest's entry for {@code linear} in a table of {@code level}, as wide as the mode has them. */
    long entryFor(long table, long linear, int level) {
        return read(table, mode().index(linear, level));
    }

    private long read(long table, int index) {
        long address = (mfn(table) << 12) + (long) index * mode().entryBytes();
        return mode() == PagingMode.TWO_LEVEL ? memory.readInt(address) & 0xFFFF_FFFFL : memory.readLong(address);
    }

    /** Stores an entry for {@code linear}, as {@link #entryFor} reads it. */
    void pokeFor(long table, long linear, int level, long entry) {
        long address = (mfn(table) << 12) + (long) mode().index(linear, level) * mode().entryBytes();
        if (mode() == PagingMode.TWO_LEVEL) {
            memory.writeInt(address, (int) entry);
        } else {
            memory.writeLong(address, entry);
        }
    }

    /** A frame of memory for a new table. */
    long newTable() {
        return nextTable++;
    }

    /** Maps one 4 KiB page; the tables above get every right. @return the gfn of its level-1 table */
    long map(long linear, long gfn, long flags) {
        return map(linear, gfn, flags, 1);
    }

    /** Maps one page whose leaf is at {@code level}; PDPTEs are loaded once they are made. @return the gfn of the table that holds the leaf */
    long map(long linear, long gfn, long flags, int level) {
        long table = ROOT;
        for (int above = mode().levels(); above > level; above--) {
            if (!LongModeEntry.isPresent(entryFor(table, linear, above))) {
                boolean isPointer = mode() == PagingMode.PAE && above == 3;
                pokeFor(table, linear, above, LongModeEntry.of(nextTable++, isPointer ? P : P | RW | US));
                if (isPointer) {
                    loadCr3(ROOT);
                }
            }
            table = LongModeEntry.frame(entryFor(table, linear, above));
        }
        boolean isShort = mode() == PagingMode.TWO_LEVEL && level == 2;
        long large = isShort ? TwoLevelEntry.ofLarge(gfn, flags) : LongModeEntry.of(gfn, flags | PS);
        pokeFor(table, linear, level, level > 1 ? large : LongModeEntry.of(gfn, flags));
        return table;
    }

    // ---- what the guest does

    /** Accesses one byte as hardware does, until it succeeds or something else must happen. @return the last outcome, null when nothing faulted */
    FaultOutcome touch(long linear, int access) {
        outcomes.clear();
        while (hardware.translate(linear, access) < 0) {
            FaultOutcome outcome = engine.pageFault(0, linear, hardware.faultCode());
            outcomes.add(outcome);
            if (!(outcome instanceof Fixed) || outcomes.size() > 10) {
                break;
            }
        }
        return outcomes.isEmpty() ? null : outcomes.getLast();
    }

    /** Stores 8 bytes as the guest would: directly, or emulated when the engine says so. */
    void store(long linear, long value, int mode) {
        storeAll(linear, mode, value);
    }

    /** One instruction that stores several 8 bytes in a row, in one page. */
    void storeAll(long linear, int mode, long... values) {
        storeAt = linear;
        stored = values;
        storeAccess = mode;
        for (int tries = 0; tries < 10; tries++) {
            FaultOutcome outcome = touch(linear, WRITE | mode);
            switch (outcome) {
                case null -> {
                    for (int i = 0; i < values.length; i++) {
                        memory.writeLong(hardware.translate(linear + 8L * i, WRITE | mode), values[i]);
                    }
                    return;
                }
                case Fixed _ -> {}
                case GuestFault fault -> throw new AssertionError(fault.toString());
                case Emulate reason -> {
                    if (engine.emulate(0, reason, 1) == Emulation.Done.COMPLETE) {
                        return;
                    }
                }
            }
        }
        throw new AssertionError("the store does not come to an end");
    }

    /** The instruction that is being emulated stores 8 bytes. */
    void emulateStore(long linear, long value) {
        storeAt = linear;
        stored = new long[] {value};
        storeAccess = 0;
        engine.emulate(0, Emulate.MMIO, 1);
    }

    private Emulation emulate(LinearMemory port) {
        if (instructions != null) {
            return instructions.emulate(port);
        }
        if (!canEmulate) {
            return Emulation.Failed.UNHANDLEABLE;
        }
        for (int i = 0; i < stored.length; i++) {
            port.write(storeAt + 8L * i, 8, stored[i], storeAccess);
        }
        return Emulation.Done.COMPLETE;
    }

    void loadCr3(long gfn) {
        registers.cr3(gfn << 12);
    }

    /** The registers tell the engine. */
    private final class Effects implements RegisterWrites.Effects {
        @Override
        public boolean loadPdptes(long cr3) {
            return engine.readPdptes(0, cr3, state.pdpte);
        }

        @Override
        public void controlRegisterWritten(int number, long old) {
            engine.controlRegisterWritten(0, number, old);
        }

        @Override
        public void eferWritten(long old) {
            engine.eferWritten(0, old);
        }

        @Override
        public void flushed() {}
    }

    void invalidatePage(long linear) {
        hardware.invalidate(linear);
        engine.invalidatePage(0, linear);
    }

    // ---- what the engine made of it

    ShadowPage root() {
        return engine.vcpus.getFirst().loadedRoot();
    }

    /** The shadow of {@code level} on the path of {@code linear}. */
    ShadowPage shadow(long linear, int level) {
        ShadowPage page = engine.vcpus.getFirst().rootOf(linear);
        while (page.liveType().level() > level) {
            page = engine.tables.pool.at(LongModeEntry.frame(engine.tables.entry(page, slot(page, linear))));
        }
        return page;
    }

    /** The shadow entry at {@code level} on the path of {@code linear}; the first where there are two. */
    long shadowEntry(long linear, int level) {
        ShadowPage page = shadow(linear, level);
        return engine.tables.entry(page, slot(page, linear));
    }

    private int slot(ShadowPage page, long linear) {
        return mode().index(linear, page.liveType().level()) * page.liveType().slotsPerEntry();
    }

    long count(Counter counter) {
        return engine.counters().get(counter);
    }

    @Override
    public void close() {
        memory.close();
    }
}
