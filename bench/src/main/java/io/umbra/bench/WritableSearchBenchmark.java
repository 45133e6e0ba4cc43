package io.umbra.bench;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LongModeEntry;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A frame that is mapped writable becomes a level-1 table: its shadow is made, one leaf is filled, and the writable mapping is found
 * and taken away, by the reverse map or by looking at every leaf there is: 16,384 in 32 shadows, and more with each table.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class WritableSearchBenchmark {
    private static final int TABLES = 64;
    private static final int FILLED = 32;
    private static final int PROMOTED = TABLES - FILLED;
    private static final int FRAMES = 256;

    @Param({"reverse-map", "brute-force"})
    private String search = "";

    private EngineGuest guest = guest(ShadowPolicy.DEFAULT);

    private static EngineGuest guest(ShadowPolicy policy) {
        return new EngineGuest(TABLES, FRAMES, policy, port -> Emulation.Done.COMPLETE);
    }

    @Setup
    public void begin() {
        guest.close();
        guest = guest(ShadowPolicy.DEFAULT.with(PolicyOption.PREFETCH, "0").with(PolicyOption.WRITABLE_SEARCH, search));
    }

    @TearDown
    public void end() {
        guest.close();
    }

    /** Half of the tables are shadowed and full; the frames of the others are mapped writable. */
    @Setup(Level.Invocation)
    public void fill() {
        guest.engine().blow();
        for (int page = 0; page < FILLED * LongModeEntry.ENTRIES; page++) {
            guest.touch((long) page << 12);
        }
        for (int table = FILLED; table < TABLES; table++) {
            guest.touch(guest.alias(table));
        }
    }

    /** @return how many frames have lost their writable mappings */
    @Benchmark
    @OperationsPerInvocation(PROMOTED)
    public long makeATable() {
        for (int table = FILLED; table < TABLES; table++) {
            guest.touch((long) table * LongModeEntry.ENTRIES << 12);
        }
        return guest.engine().counters().get(Counter.WRMAP_REMOVE);
    }
}
