package io.umbra.bench;

import io.umbra.shadow.DeviceMemory;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.ShadowPaging;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;

/**
 * A guest for the engine alone: tables in memory and no code. It has two roots over the same level-1 tables, which map memory from
 * linear address 0 on, and behind it one table that maps the level-1 tables themselves.
 */
final class EngineGuest implements AutoCloseable {
    static final long USED =
            LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.ACCESSED | LongModeEntry.DIRTY;

    private static final long MACHINE_FRAMES = 32_768;
    private static final long OTHER_ROOT = 1;
    private static final long LEVEL_3 = 2;
    private static final long LEVEL_2 = 3;
    private static final long LEVEL_1 = 4;

    private static final Tlb NO_TLB = new Tlb() {
        @Override
        public void load(HardwarePaging paging) {}

        @Override
        public void invalidate(long linear) {}

        @Override
        public void flush() {}
    };

    private final MachineMemory memory = new MachineMemory(MACHINE_FRAMES);
    private final FrameAllocator allocator = new FrameAllocator(MACHINE_FRAMES, 1);
    private final P2m p2m = new P2m(memory, allocator);
    private final VcpuState state = new VcpuState();
    private final ShadowPaging engine;
    private final int tables;
    private final long data;

    /**
     * @param tables level-1 tables, 511 at most; each maps 512 pages
     * @param frames of data; the pages are mapped to them in turn
     * @param emulator of the instruction that wrote to a pagetable
     */
    EngineGuest(int tables, int frames, ShadowPolicy policy, InstructionEmulator emulator) {
        this.tables = tables;
        this.data = LEVEL_1 + tables + 1;
        for (long gfn = 0; gfn < data + frames; gfn++) {
            p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
        }
        for (long root = 0; root <= OTHER_ROOT; root++) {
            set(root, 0, LEVEL_3);
        }
        set(LEVEL_3, 0, LEVEL_2);
        for (int table = 0; table <= tables; table++) {
            set(LEVEL_2, table, LEVEL_1 + table);
        }
        for (int page = 0; page < pages(); page++) {
            set(LEVEL_1 + page / LongModeEntry.ENTRIES, page % LongModeEntry.ENTRIES, data + page % frames);
        }
        for (int table = 0; table < tables; table++) {
            set(LEVEL_1 + tables, table, LEVEL_1 + table);
        }
        state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
        engine = new ShadowPaging(memory, allocator, p2m, DeviceMemory.NONE, policy);
        engine.attach(state, NO_TLB, emulator);
    }

    private void set(long table, int slot, long gfn) {
        memory.writeLong((P2m.mfn(p2m.lookup(table)) << 12) + slot * 8L, LongModeEntry.of(gfn, USED));
    }

    ShadowPaging engine() {
        return engine;
    }

    /** Pages of data. */
    int pages() {
        return tables * LongModeEntry.ENTRIES;
    }

    /** Where a level-1 table is mapped writable. */
    long alias(int table) {
        return (long) (pages() + table) << 12;
    }

    /** The first frame of data. */
    long data() {
        return data;
    }

    FaultOutcome touch(long linear) {
        return engine.pageFault(0, linear, PageFaultCode.WRITE);
    }

    /** Loads the root that is not loaded. */
    void switchRoot() {
        long old = state.cr3;
        state.cr3 = old ^ OTHER_ROOT << 12;
        engine.controlRegisterWritten(0, 3, old);
    }

    @Override
    public void close() {
        memory.close();
    }
}
