package io.umbra.bench;

import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
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
 * emulated and followed. The guest maps 128 MiB.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class FillBenchmark {
    private static final int TABLES = 64;
    private static final int FRAMES = 256;

    /** One fault, one leaf. */
    private static final ShadowPolicy POLICY = ShadowPolicy.DEFAULT.with(PolicyOption.PREFETCH, "0");

    private final EngineGuest guest = new EngineGuest(TABLES, FRAMES, POLICY, this::store);
    private int page;
    private long written = EngineGuest.USED;

    @TearDown
    public void close() {
        guest.close();
    }

    /** Each page in turn, so that one fault in 512 makes a level-1 shadow, too; all are thrown away at the end of a round. */
    @Benchmark
    public FaultOutcome fill() {
        if (page == guest.pages()) {
            page = 0;
            guest.engine().blow();
        }
        return guest.touch((long) page++ << 12);
    }

    @Benchmark
    public void switchToARetainedRoot() {
        guest.switchRoot();
    }

    /** The fault, the emulated store and the revalidation of the entry it changes. */
    @Benchmark
    public Emulation writeAnEntry() {
        FaultOutcome outcome = writeFault();
        if (outcome != FaultOutcome.Emulate.PAGETABLE) {
            guest.engine().pageFault(0, 0, 0);
            outcome = writeFault();
        }
        return guest.engine().emulate(0, (FaultOutcome.Emulate) outcome, 1);
    }

    private FaultOutcome writeFault() {
        return guest.engine().pageFault(0, guest.alias(0), PageFaultCode.WRITE | PageFaultCode.PRESENT);
    }

    private Emulation store(LinearMemory port) {
        written ^= LongModeEntry.WRITABLE;
        port.write(guest.alias(0), Long.BYTES, LongModeEntry.of(guest.data(), written), 0);
        return Emulation.Done.COMPLETE;
    }
}
