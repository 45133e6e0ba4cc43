package io.umbra.bench;

import io.umbra.shadow.DirtyRound;
import io.umbra.shadow.LogDirty;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.InstructionEmulator.Emulation;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to take and clean the log-dirty bitmap of 32 MiB of memory, of which a share was written to since the last time; and
 * the whole round, with the faults by which those frames become dirty again.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LogDirtyBenchmark {
    private static final int TABLES = 16;
    private static final int FRAMES = 8192;

    /** Percent of the frames. */
    @Param({"1", "10", "100"})
    private int dirty;

    @Param({"reprotect", "blow"})
    private String clean = "";

    private EngineGuest guest = guest(ShadowPolicy.DEFAULT);

    private static EngineGuest guest(ShadowPolicy policy) {
        return new EngineGuest(TABLES, FRAMES, policy, port -> Emulation.Done.COMPLETE);
    }

    @Setup
    public void begin() {
        guest.close();
        guest = guest(ShadowPolicy.DEFAULT.with(PolicyOption.PREFETCH, "0").with(PolicyOption.DIRTY_CLEAN, clean));
        guest.engine().logDirty().enable();
    }

    @TearDown
    public void end() {
        guest.close();
    }

    private void write() {
        int step = 100 / dirty;
        for (int page = 0; page < FRAMES; page += step) {
            guest.touch((long) page << 12);
        }
    }

    /** The state that {@link #clean} finds. */
    @State(Scope.Thread)
    public static class Written {
        @Setup(Level.Invocation)
        public void write(LogDirtyBenchmark of) {
            of.write();
            LogDirty log = of.guest.engine().logDirty();
            if (log.dirtyCount() * 100 < (long) FRAMES * of.dirty) {
                throw new IllegalStateException("only %d frames are dirty".formatted(log.dirtyCount()));
            }
        }
    }

    /** @param written has the frames written to before each call */
    @Benchmark
    public DirtyRound clean(Written written) {
        return guest.engine().logDirty().clean();
    }

    @Benchmark
    public DirtyRound writeAndClean() {
        write();
        return guest.engine().logDirty().clean();
    }
}
