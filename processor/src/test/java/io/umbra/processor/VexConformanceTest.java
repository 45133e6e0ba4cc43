package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.VexEncodings.VexForm;
import io.umbra.processor.conformance.HostInstruction;
import io.umbra.processor.host.NativeCode;
import io.umbra.x86.RFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Every VEX-coded instruction, in its register and memory forms, with all lengths and widths, against the host's processor: YMM registers, flags, MXCSR, memory. All exceptions are masked. RCP and RSQRT
 * differ from processor to processor.
 */
class VexConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 240_000);
    private static final int ENCODINGS = 4;
    private static final int REPORTED = 12;
    private static final Set<Mnemonic> APART =
            EnumSet.of(Mnemonic.RCPPS, Mnemonic.RCPSS, Mnemonic.RSQRTPS, Mnemonic.RSQRTSS);

    @BeforeAll
    static void needsAHostWithAvx2() throws IOException {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
        List<String> flags = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("flags"))
                .limit(1)
                .flatMap(line -> List.of(line.split(" ", -1)).stream())
                .toList();
        assumeTrue(
                flags.containsAll(List.of("avx2", "bmi1", "bmi2", "abm", "fma", "f16c")),
                "needs a processor with AVX2, FMA, F16C and BMI");
    }

    @Test
    void everyInstructionDoesWhatTheHostDoes() {
        List<VexForm> forms = VexEncodings.all().stream()
                .filter(form -> !APART.contains(form.mnemonic()))
                .toList();
        int cases = (int) Math.max(1, Math.ceilDiv(CASES, (long) forms.size() * ENCODINGS));
        List<String> differences = new ArrayList<>();
        try (VectorCase vector = new VectorCase()) {
            for (VexForm form : forms) {
                Random random = new Random(SEED ^ form.toString().hashCode());
                for (int n = 0; n < ENCODINGS && differences.size() < REPORTED; n++) {
                    String difference = firstDifference(vector, form, random, cases);
                    if (difference != null) {
                        differences.add(difference);
                        break;
                    }
                }
            }
        }
        assertThat(differences).as("seed %d", SEED).isEmpty();
    }

    private static @Nullable String firstDifference(VectorCase vector, VexForm form, Random random, int cases) {
        byte[] bytes = form.encode(random, random.nextInt(-3, 3) * 32);
        if (VectorCase.takesUnaligned(bytes)) {
            bytes = form.encode(random, random.nextInt(-96, 96));
        }
        Op op = vector.decode(bytes);
        Instruction instruction = VectorCase.instruction(bytes);
        try (HostInstruction host = HostInstruction.withYmm(bytes)) {
            for (int n = 0; n < cases; n++) {
                vector.randomise(random);
                if (form.mnemonic() == Mnemonic.LDMXCSR) {
                    vector.fillMemoryWithMxcsr(random);
                }
                if (form.isGather()) {
                    vector.makeIndices(random, instruction);
                }
                String difference = vector.compare(host, op, undefinedFlags(form.mnemonic()));
                if (difference != null) {
                    return form + " " + HexFormat.of().formatHex(bytes) + ": " + difference;
                }
            }
        }
        return null;
    }

    private static long undefinedFlags(Mnemonic mnemonic) {
        return switch (mnemonic) {
            case ANDN, BLSI, BLSMSK, BLSR, BZHI -> RFlags.AUXILIARY | RFlags.PARITY;
            case BEXTR -> RFlags.AUXILIARY | RFlags.PARITY | RFlags.SIGN;
            default -> 0;
        };
    }
}
