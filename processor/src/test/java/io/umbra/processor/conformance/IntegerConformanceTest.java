package io.umbra.processor.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.OpcodeTables;
import io.umbra.processor.host.NativeCode;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Every instruction of the decoder's tables that a process may execute, but x87, MMX and SSE, against the host's processor: through the processor's public face, with its pagetable walks, its
 * TLB and its cache of decoded code. {@code -Dumbra.cases} and {@code -Dumbra.seed} make a longer run or another.
 */
class IntegerConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 1_000_000);

    private static final List<OpcodeRow> ROWS = OpcodeRow.longMode()
            .filter(row -> OpcodeTables.isInteger(row.mnemonic()))
            .toList();

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @Test
    void everyInstructionOnShadowsDoesWhatTheHostDoes() {
        run(CASES - CASES / 5, SEED, Conformance.Paging.SHADOW);
    }

    @Test
    void everyInstructionOnNestedTablesDoesWhatTheHostDoes() {
        run(CASES / 5, SEED + 1, Conformance.Paging.NESTED);
    }

    private static void run(long cases, long seed, Conformance.Paging paging) {
        List<OpcodeRow> rows =
                ROWS.stream().filter(row -> !Exclusions.excludes(row)).toList();
        try (Conformance conformance = new Conformance(rows, seed, paging, CodeMode.LONG)) {
            assertThat(conformance.run(cases)).as("seed %d", seed).isEmpty();
            assertThat(conformance.forgotten()).isEmpty();
            assertThat(conformance.cases()).isGreaterThanOrEqualTo(cases);
        }
    }

    @Test
    void everyExclusionIsOfARow() {
        assertThat(Exclusions.REASONS.keySet())
                .allMatch(name -> Stream.concat(OpcodeRow.longMode(), OpcodeRow.legacyMode())
                        .anyMatch(row -> Exclusions.matches(name, row)));
    }
}
