package io.umbra.bench;

import io.umbra.shadow.DeviceMemory;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPaging;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The engine's part of its three most frequent events: a fault that is fixed by filling shadows, a CR3 switch to a root whose shadow was retained, a write to a pagetable that is
 * emulated and followed. The guest has two roots over the same 64 level-1 tables, which map 128 MiB.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class FillBenchmark {
    private static final int TABLES = 64;
    private static final int PAGES = TABLES * LongModeEntry.ENTRIES;
    private static final long OTHER_ROOT = 1;
    private static final long LEVEL_3 = 2;
    private static final long LEVEL_2 = 3;
    private static final long LEVEL_1 = 4;
    private static final long FRAMES = 512;
    private static final long RIGHTS = LongModeEntry.PRESENT | LongModeEntry.WRITABLE;
    private static final long USED = RIGHTS | LongModeEntry.ACCESSED | LongModeEntry.DIRTY;
    /** Where the first level-1 table is mapped. */
    private static final long ALIAS = (long) PAGES << 12;

    private static final Tlb NO_TLB = new Tlb() {
        @Override
        public void load(HardwarePaging paging) {}

        @Override
        public void invalidate(long linear) {}

        @Override
        public void flush() {}
    };

    /** One fault, one leaf. */
    private static final ShadowPolicy POLICY = ShadowPolicy.DEFAULT.with(PolicyOption.PREFETCH, "0");

    private final MachineMemory memory = new MachineMemory(16_384);
    private final FrameAllocator allocator = new FrameAllocator(16_384, 1);
    private final P2m p2m = new P2m(memory, allocator);
    private final VcpuState state = new VcpuState();
    private final ShadowPaging engine;
    private int page;
    private long written = USED;

    public FillBenchmark() {
        for (long gfn = 0; gfn < FRAMES; gfn++) {
            p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
        }
        for (long root = 0; root <= OTHER_ROOT; root++) {
            set(root, 0, LEVEL_3);
        }
        set(LEVEL_3, 0, LEVEL_2);
        for (int table = 0; table < TABLES; table++) {
            set(LEVEL_2, table, LEVEL_1 + table);
            for (int slot = 0; slot < LongModeEntry.ENTRIES; slot++) {
                set(LEVEL_1 + table, slot, FRAMES / 2 + slot % 256);
            }
        }
        set(LEVEL_2, TABLES, LEVEL_1 + TABLES);
        set(LEVEL_1 + TABLES, 0, LEVEL_1);
        state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
        engine = new ShadowPaging(memory, allocator, p2m, DeviceMemory.NONE, POLICY);
        engine.attach(state, NO_TLB, this::store);
    }

    private void set(long table, int slot, long gfn) {
        memory.writeLong((P2m.mfn(p2m.lookup(table)) << 12) + slot * 8L, LongModeEntry.of(gfn, USED));
    }

    @TearDown
    public void close() {
        memory.close();
    }

    /** Each page in turn, so that one fault in 512 makes a level-1 shadow, too; all are thrown away at the end of a round. */
    @Benchmark
    public FaultOutcome fill() {
        if (page == PAGES) {
            page = 0;
            engine.blow();
        }
        return engine.pageFault(0, (long) page++ << 12, PageFaultCode.WRITE);
    }

    @Benchmark
    public void switchToARetainedRoot() {
        long old = state.cr3;
        state.cr3 = old ^ OTHER_ROOT << 12;
        engine.controlRegisterWritten(0, 3, old);
    }

    /** The fault, the emulated store and the revalidation of the entry it changes. */
    @Benchmark
    public Emulation writeAnEntry() {
        FaultOutcome outcome = engine.pageFault(0, ALIAS, PageFaultCode.WRITE | PageFaultCode.PRESENT);
        if (outcome != FaultOutcome.Emulate.PAGETABLE) {
            engine.pageFault(0, 0, 0);
            outcome = engine.pageFault(0, ALIAS, PageFaultCode.WRITE | PageFaultCode.PRESENT);
        }
        return engine.emulate(0, (FaultOutcome.Emulate) outcome, 1);
    }

    private Emulation store(LinearMemory port) {
        written ^= LongModeEntry.WRITABLE;
        port.write(ALIAS, Long.BYTES, LongModeEntry.of(FRAMES / 2, written), 0);
        return Emulation.Done.COMPLETE;
    }
}
