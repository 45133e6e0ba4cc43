package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import io.umbra.processor.ObjdumpComparison.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Length and operands of millions of instructions, held against binutils. Set {@code -Dumbra.seed} and {@code -Dumbra.samples} for other random ones. */
class DecoderAgainstObjdumpTest {
    /** Random bytes, then enough NOPs for objdump to find back into step. */
    private static final int CHUNK = 32, RANDOM_BYTES = 16;

    private static final int[] PREFIXES = {0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};

    private static final long SEED = Long.getLong("umbra.seed", 20240229);
    private static final int SAMPLES = Integer.getInteger("umbra.samples", 300_000);

    @BeforeAll
    static void needsObjdump() {
        if (!Objdump.isInstalled()) {
            unavailable("objdump is not installed");
        }
    }

    private static void unavailable(String what) {
        if ("true".equals(System.getenv("CI"))) {
            fail(what);
        }
        abort(what);
    }

    @Test
    void everyInstructionOfADebianKernelIsReadAsObjdumpReadsIt() throws IOException, InterruptedException {
        Optional<DebianKernel> found = DebianKernel.find();
        if (found.isEmpty()) {
            unavailable("the Debian kernel cannot be had");
        }
        DebianKernel kernel = found.orElseThrow();
        var comparison = new ObjdumpComparison();
        var padding = new AtomicLong();
        Objdump.disassembleElf(kernel.file(), (address, length, text) -> {
            comparison.compare(kernel.bytes(), kernel.sectionOf(address).offsetOf(address), address, length, text, 64);
            if (text.startsWith("int3")) {
                padding.getAndIncrement();
            }
        });

        assertThat(comparison.differences()).as("differences in " + comparison).isEmpty();
        assertThat(comparison.count(Outcome.DIFFERENT)).isZero();
        assertThat(comparison.count(Outcome.SAME)).isGreaterThan(6_000_000);
        assertThat(comparison.count(Outcome.SAME) - padding.get())
                .as("without INT3 padding")
                .isGreaterThan(2_500_000);
        long explained = comparison.total() - comparison.count(Outcome.SAME);
        assertThat(comparison.count(Outcome.FEATURE_NOT_OFFERED)).isBetween(50L, 1000L);
        assertThat(explained - comparison.count(Outcome.FEATURE_NOT_OFFERED))
                .as("other than features in " + comparison)
                .isLessThan(10);
    }

    /** VEX prefixes of every kind before every opcode, most of them the way the manual wants them. */
    @ParameterizedTest
    @ValueSource(ints = {64, 32, 16})
    void vexCodedInstructionsAreReadAsObjdumpReadsThem(int mode, @TempDir Path directory)
            throws IOException, InterruptedException {
        byte[] bytes = vexInstructions(new Random(SEED));
        Path file = Files.write(directory.resolve("random"), bytes);
        var comparison = new ObjdumpComparison();
        Objdump.disassembleBinary(file, mode, (address, length, text) -> {
            if (address % CHUNK == 0) {
                comparison.compare(bytes, (int) address, address, length, text, mode);
            }
        });
        assertThat(comparison.differences())
                .as("seed " + SEED + ", differences in " + comparison)
                .isEmpty();
        assertThat(comparison.count(Outcome.SAME)).isGreaterThan(SAMPLES / 3);
        assertThat(comparison.count(Outcome.PREFIX_REFUSED)).isLessThan(SAMPLES / 10);
    }

    /** Mostly from the rows of the tables, without forbidden prefixes, vvvv used where it may be. */
    private static byte[] vexInstructions(Random random) {
        byte[] bytes = new byte[SAMPLES * CHUNK];
        Arrays.fill(bytes, (byte) 0x90);
        byte[] noise = new byte[RANDOM_BYTES];
        List<List<Form>> rows = Stream.of(VexMap0F.ROWS, VexMap0F38.ROWS, VexMap0F3A.ROWS)
                .map(text -> text.lines().map(Form::new).toList())
                .toList();
        for (int start = 0; start < bytes.length; start += CHUNK) {
            random.nextBytes(noise);
            System.arraycopy(noise, 0, bytes, start, RANDOM_BYTES);
            int at = start;
            if (random.nextInt(8) == 0) {
                bytes[at++] = (byte) PREFIXES[random.nextInt(PREFIXES.length)];
            }
            if (random.nextInt(40) == 0) {
                bytes[at++] = (byte) (0x40 | random.nextInt(16));
            }
            int map = random.nextInt(20) == 0 ? random.nextInt(32) : 1 + random.nextInt(3);
            int last = random.nextInt(256);
            if (map >= 1 && map <= 3 && random.nextInt(8) != 0) {
                List<Form> forms = rows.get(map - 1);
                Form form = forms.get(random.nextInt(forms.size()));
                int prefix = form.onlyPrefix().index;
                last = last & 0x84 | (form.usesVexRegister ? last & 0x78 : 0x78) | prefix;
                last = form.allowsLength(true) ? last : last & ~4;
                noise[0] = (byte) form.firstOpcode();
            } else {
                noise[0] = (byte) random.nextInt();
            }
            if (map == 1 && random.nextBoolean()) {
                bytes[at++] = (byte) 0xC5;
            } else {
                bytes[at++] = (byte) 0xC4;
                bytes[at++] = (byte) (random.nextInt(8) << 5 | map);
            }
            bytes[at++] = (byte) last;
            bytes[at] = noise[0];
        }
        return bytes;
    }

    @ParameterizedTest
    @ValueSource(ints = {64, 32, 16})
    void randomBytesAreReadAsObjdumpReadsThem(int mode, @TempDir Path directory)
            throws IOException, InterruptedException {
        byte[] bytes = randomInstructions(new Random(SEED), mode);
        Path file = Files.write(directory.resolve("random"), bytes);
        var comparison = new ObjdumpComparison();
        Objdump.disassembleBinary(file, mode, (address, length, text) -> {
            if (address % CHUNK == 0) {
                comparison.compare(bytes, (int) address, address, length, text, mode);
            }
        });

        assertThat(comparison.differences())
                .as("seed " + SEED + ", differences in " + comparison)
                .isEmpty();
        assertThat(comparison.count(Outcome.DIFFERENT)).isZero();
        assertThat(comparison.total()).isEqualTo(SAMPLES);
        assertThat(comparison.count(Outcome.SAME)).isGreaterThan(SAMPLES / 2);
        for (Outcome outcome : new Outcome[] {
            Outcome.PREFIX_REFUSED,
            Outcome.HINT_NOP,
            Outcome.ALIAS,
            Outcome.PREFIX_IGNORED,
            Outcome.EXCHANGE_WITH_R8,
            Outcome.ONLY_64_BIT,
            Outcome.WAIT_JOINED
        }) {
            assertThat(comparison.count(outcome))
                    .as("%s in %s", outcome, comparison)
                    .isLessThan(SAMPLES / 100);
        }
    }

    /** Prefixes, a REX and the escapes are far more frequent than chance would have them, so that every opcode of every map occurs in many forms. */
    private static byte[] randomInstructions(Random random, int mode) {
        byte[] bytes = new byte[SAMPLES * CHUNK];
        Arrays.fill(bytes, (byte) 0x90);
        byte[] noise = new byte[RANDOM_BYTES];
        for (int start = 0; start < bytes.length; start += CHUNK) {
            random.nextBytes(noise);
            System.arraycopy(noise, 0, bytes, start, RANDOM_BYTES);
            int at = start;
            for (int prefixes = Math.max(0, random.nextInt(8) - 4); prefixes > 0; prefixes--) {
                bytes[at++] = (byte) PREFIXES[random.nextInt(PREFIXES.length)];
            }
            if (mode == 64 && random.nextInt(3) == 0) {
                bytes[at++] = (byte) (0x40 | random.nextInt(16));
            }
            switch (random.nextInt(8)) {
                case 0 -> bytes[at] = (byte) (0xD8 | random.nextInt(8));
                case 1, 2, 3 -> bytes[at] = 0x0F;
                case 4 -> {
                    bytes[at++] = 0x0F;
                    bytes[at] = 0x38;
                }
                case 5 -> {
                    bytes[at++] = 0x0F;
                    bytes[at] = 0x3A;
                }
                default -> {}
            }
        }
        return bytes;
    }
}
