package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.VectorEncodings.Form;
import io.umbra.processor.conformance.HostInstruction;
import io.umbra.processor.host.NativeCode;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every MMX and SSE instruction, in its register and memory forms, against the host's processor. All exceptions are masked; RCP and RSQRT, FXSAVE and FXRSTOR have tests of their own. */
class VectorConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 240_000);
    private static final int ENCODINGS = 8;
    private static final int REPORTED = 12;

    private static final Set<Mnemonic> APART = EnumSet.of(
            Mnemonic.RCPPS,
            Mnemonic.RCPSS,
            Mnemonic.RSQRTPS,
            Mnemonic.RSQRTSS,
            Mnemonic.FXSAVE,
            Mnemonic.FXRSTOR,
            Mnemonic.XSAVE,
            Mnemonic.XSAVEOPT,
            Mnemonic.XRSTOR);

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @Test
    void everyInstructionDoesWhatTheHostDoes() {
        List<Form> forms = VectorEncodings.all().stream()
                .filter(form -> !APART.contains(form.mnemonic()))
                .toList();
        int cases = (int) Math.max(1, CASES / forms.size() / ENCODINGS);
        List<String> differences = new ArrayList<>();
        try (VectorCase vector = new VectorCase()) {
            for (Form form : forms) {
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

    private static @org.jspecify.annotations.Nullable String firstDifference(
            VectorCase vector, Form form, Random random, int cases) {
        byte[] bytes = form.encode(random, random.nextInt(-6, 7) * 16);
        Op op = vector.decode(bytes);
        try (HostInstruction host = HostInstruction.of(bytes)) {
            for (int n = 0; n < cases; n++) {
                vector.randomise(random);
                if (form.mnemonic() == Mnemonic.LDMXCSR) {
                    vector.fillMemoryWithMxcsr(random);
                }
                String difference = vector.compare(host, op);
                if (difference != null) {
                    return form + " " + java.util.HexFormat.of().formatHex(bytes) + ": " + difference;
                }
            }
        }
        return null;
    }
}
