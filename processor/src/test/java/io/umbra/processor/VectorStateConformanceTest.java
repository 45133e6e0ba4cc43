package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.conformance.HostInstruction;
import io.umbra.processor.host.NativeCode;
import io.umbra.x86.HostMemory;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** FXSAVE and FXRSTOR, with and without REX.W, against the host's processor. */
class VectorStateConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int CASES = 400;
    /** At [RDI - 128], where {@link VectorCase} begins its memory. */
    private static final byte[] FXSAVE = {0x0F, (byte) 0xAE, 0x47, -128};

    private static final byte[] FXSAVE_64 = {0x48, 0x0F, (byte) 0xAE, 0x47, -128};
    private static final byte[] FXRSTOR = {0x0F, (byte) 0xAE, 0x4F, -128};
    private static final byte[] FXRSTOR_64 = {0x48, 0x0F, (byte) 0xAE, 0x4F, -128};

    private static final int SELECTORS = 12, MXCSR = 24, MASK = 28;

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @Test
    void imageIsTheHosts() {
        save(FXSAVE_64, false);
    }

    @Test
    void narrowImageIsTheHosts() {
        save(FXSAVE, true);
    }

    @Test
    void imageIsRestoredAsByTheHost() {
        restore(FXRSTOR_64);
    }

    @Test
    void narrowImageIsRestoredAsByTheHost() {
        restore(FXRSTOR);
    }

    /** Which bits of MXCSR exist, and what the selectors are, differs between processors. */
    private static void save(byte[] instruction, boolean selectors) {
        Random random = new Random(SEED);
        try (VectorCase vector = new VectorCase();
                HostInstruction host = HostInstruction.of(instruction)) {
            Op op = vector.decode(instruction);
            for (int n = 0; n < CASES; n++) {
                vector.randomise(random);
                vector.before.x87Control(random.nextInt(0x10000));
                vector.before.x87Status(random.nextInt(0x10000));
                canonical(vector);
                vector.load();
                host.run(vector.before);
                op.execute(vector.cpu);
                long image = vector.memory.base() + VectorCase.FIRST;
                assertThat(HostMemory.getInt(image + MASK)).isEqualTo(0xFFFF);
                copyToHost(vector, MASK, 4);
                if (selectors) {
                    copyToHost(vector, SELECTORS, 4);
                    copyToHost(vector, SELECTORS + 8, 4);
                }
                assertThat(vector.difference()).as("seed %d case %d", SEED, n).isNull();
            }
        }
    }

    /** Lets the host itself make the control and status word consistent. */
    private static void canonical(VectorCase vector) {
        try (HostInstruction nothing = HostInstruction.of(new byte[] {(byte) 0x90})) {
            nothing.run(vector.before);
        }
    }

    private static void copyToHost(VectorCase vector, int offset, int bytes) {
        for (int at = VectorCase.FIRST + offset; at < VectorCase.FIRST + offset + bytes; at++) {
            vector.page.set(ValueLayout.JAVA_BYTE, at, (byte) HostMemory.getByte(vector.memory.base() + at));
        }
    }

    private static void restore(byte[] instruction) {
        Random random = new Random(SEED);
        try (VectorCase vector = new VectorCase();
                HostInstruction host = HostInstruction.of(instruction)) {
            Op op = vector.decode(instruction);
            for (int n = 0; n < CASES; n++) {
                vector.randomise(random);
                for (int at = 0; at < 512; at += 2) {
                    vector.page.set(ValueLayout.JAVA_SHORT, VectorCase.FIRST + at, (short) random.nextInt());
                }
                for (int pointer = 8; pointer < MXCSR; pointer += 8) {
                    vector.page.set(ValueLayout.JAVA_LONG, VectorCase.FIRST + pointer, random.nextLong() >> 17);
                }
                vector.page.set(ValueLayout.JAVA_INT, VectorCase.FIRST + MXCSR, random.nextInt() & 0xFFFF | 0x1F80);
                assertThat(vector.compare(host, op))
                        .as("seed %d case %d", SEED, n)
                        .isNull();
            }
        }
    }
}
