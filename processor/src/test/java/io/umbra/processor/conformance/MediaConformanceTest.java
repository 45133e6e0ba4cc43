package io.umbra.processor.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.OpcodeTables;
import io.umbra.processor.host.NativeCode;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * MMX and SSE as {@link IntegerConformanceTest} has the rest: every encoding through the decoder, all addressing forms and useless prefixes, memory across pages. What the single
 * instructions compute is also held against the host operation by operation, in the tests of their own package.
 */
class MediaConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 200_000);

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @Test
    void everyVectorInstructionDoesWhatTheHostDoes() {
        List<OpcodeRow> rows = OpcodeRow.longMode()
                .filter(row -> OpcodeTables.isVector(row.mnemonic()) && !Exclusions.excludes(row))
                .toList();
        try (Conformance conformance = new Conformance(rows, SEED, Conformance.Paging.SHADOW, CodeMode.LONG)) {
            assertThat(conformance.run(CASES)).as("seed %d", SEED).isEmpty();
            assertThat(conformance.forgotten()).isEmpty();
            assertThat(conformance.cases()).isGreaterThanOrEqualTo(CASES);
        }
    }
}
