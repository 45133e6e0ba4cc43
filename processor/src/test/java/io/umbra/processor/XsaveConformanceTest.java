package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.conformance.HostInstruction;
import io.umbra.processor.host.NativeCode;
import io.umbra.x86.HostMemory;
import io.umbra.x86.VcpuState;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** XSAVE and XRSTOR of x87, SSE and AVX state against the host's processor, which has them at the same places. */
class XsaveConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int CASES = 1000;
    /** At [RDI - 128], with REX.W. */
    private static final byte[] XSAVE = {0x48, 0x0F, (byte) 0xAE, 0x67, -128};

    private static final byte[] XRSTOR = {0x48, 0x0F, (byte) 0xAE, 0x6F, -128};
    private static final int AREA = VectorCase.FIRST, END = AREA + 832;
    private static final int MXCSR = AREA + 24, MASK = AREA + 28, BITS = AREA + 512;

    @BeforeAll
    static void needsAHostWithAvx() throws IOException {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
        String flags = Files.readString(Path.of("/proc/cpuinfo"));
        assumeTrue(flags.contains(" avx2 ") && flags.contains(" xsave "), "needs a processor with AVX2 and XSAVE");
    }

    private static void randomise(VectorCase vector, Random random) {
        vector.randomise(random);
        vector.before.general(VcpuState.RAX, random.nextInt(8));
        vector.before.general(VcpuState.RDX, 0);
        for (int at = AREA; at < END; at += 8) {
            put(vector, at, random.nextLong());
        }
        put(vector, BITS, random.nextInt(8));
        for (int at = BITS + 8; at < BITS + 64; at += 8) {
            put(vector, at, 0);
        }
        vector.page.set(ValueLayout.JAVA_INT, MXCSR, random.nextInt() & 0xE07F | 0x1F80);
    }

    private static void put(VectorCase vector, int at, long value) {
        vector.page.set(ValueLayout.JAVA_LONG, at, value);
        HostMemory.putLong(vector.memory.base() + at, value);
    }

    @Test
    void areaIsTheHosts() {
        Random random = new Random(SEED);
        try (VectorCase vector = new VectorCase();
                HostInstruction host = HostInstruction.withYmm(XSAVE)) {
            Op op = vector.decode(XSAVE);
            for (int n = 0; n < CASES; n++) {
                randomise(vector, random);
                vector.load();
                host.run(vector.before);
                op.execute(vector.cpu);
                if ((vector.before.general(VcpuState.RAX) & 6) != 0) {
                    assertThat(HostMemory.getInt(vector.memory.base() + MASK)).isEqualTo(0xFFFF);
                }
                for (int at = AREA; at < END; at += 4) {
                    if (at != MASK) {
                        assertThat(HostMemory.getInt(vector.memory.base() + at))
                                .as("seed %d case %d, byte %d", SEED, n, at - AREA)
                                .isEqualTo(vector.page.get(ValueLayout.JAVA_INT, at));
                    }
                }
            }
        }
    }

    @Test
    void areaIsRestoredAsByTheHost() {
        Random random = new Random(SEED);
        try (VectorCase vector = new VectorCase();
                HostInstruction host = HostInstruction.withYmm(XRSTOR)) {
            Op op = vector.decode(XRSTOR);
            for (int n = 0; n < CASES; n++) {
                randomise(vector, random);
                vector.page.set(ValueLayout.JAVA_SHORT, AREA + 2, (short) 0);
                HostMemory.putShort(vector.memory.base() + AREA + 2, 0);
                for (int pointer = AREA + 8; pointer < MXCSR; pointer += 8) {
                    put(vector, pointer, random.nextLong() >> 17);
                }
                vector.load();
                for (int at = AREA; at < END; at += 4) {
                    HostMemory.putInt(vector.memory.base() + at, vector.page.get(ValueLayout.JAVA_INT, at));
                }
                host.run(vector.before);
                op.execute(vector.cpu);
                assertThat(vector.difference()).as("seed %d case %d", SEED, n).isNull();
            }
        }
    }
}
