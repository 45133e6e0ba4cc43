package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.Counter;
import io.umbra.vmm.ProcessorCounter;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CostModelTest {

    /** Every count is another power of two, so that no two terms can be taken for each other. */
    private static final RunResult RUN = Runs.result(
            0,
            1000,
            Map.ofEntries(
                    Map.entry(Counter.PAGE_FAULT, 1L),
                    Map.entry(Counter.EMULATE, 2L),
                    Map.entry(Counter.EMULATE_OTHER, 4L),
                    Map.entry(Counter.MMIO, 8L),
                    Map.entry(Counter.GUEST_WALK, 16L),
                    Map.entry(Counter.P2M_LOOKUP, 32L),
                    Map.entry(Counter.HASH_LOOKUP, 64L),
                    Map.entry(Counter.FIXUP, 128L),
                    Map.entry(Counter.SHADOW_ALLOC, 256L),
                    Map.entry(Counter.WRMAP_BF, 3L),
                    Map.entry(Counter.SHADOW_PAGES_PEAK, 512L)),
            Map.of(
                    ProcessorCounter.WALK_REFERENCE, 1024L,
                    ProcessorCounter.EXIT_CONTROL_REGISTER, 2048L,
                    ProcessorCounter.EXIT_INVALIDATE, 4096L,
                    ProcessorCounter.EXIT_PORT, 8192L,
                    ProcessorCounter.EXIT_HALT, 16384L,
                    ProcessorCounter.TLB_MISS, 32768L));

    @Test
    void costIsWhatIsComputedByHand() {
        Cost cost = CostModel.with(Map.of()).of(RUN);
        assertThat(cost.share(CostTerm.Share.WALKS)).isEqualTo(1024 * 12);
        assertThat(cost.share(CostTerm.Share.EXITS)).isEqualTo((1 + 2048 + 4096) * 1000);
        assertThat(cost.share(CostTerm.Share.OTHER_EXITS)).isZero();
        assertThat(cost.share(CostTerm.Share.EMULATION)).isEqualTo((2 + 4 + 8) * 1500);
        assertThat(cost.share(CostTerm.Share.SHADOWS))
                .isEqualTo(16 * 48 + 32 * 48 + 64 * 24 + 128 * 300 + 256 * 300 + 3 * 512 * 512);
        assertThat(cost.total()).isEqualTo(12_288 + 6_145_000 + 21_000 + 905_472);
    }

    @Test
    void eachConstantCountsForItsOwnTermAlone() {
        Map<String, Long> ofShadows = Map.of(
                "reference", 1024L,
                "exit", 6145L,
                "other-exit", 24576L,
                "emulate", 14L,
                "guest-walk", 16L,
                "p2m", 32L,
                "hash", 64L,
                "fill", 128L,
                "page", 256L,
                "scan", 1536L);
        Map<String, Long> quantities = new HashMap<>(ofShadows);
        quantities.putAll(Map.of("pv-exit", 0L, "audit", 0L, "validate", 0L));
        assertThat(quantities).hasSameSizeAs(CostTerm.values());
        quantities.forEach((label, quantity) -> {
            Map<String, String> constants = new HashMap<>();
            for (CostTerm term : CostTerm.values()) {
                constants.put(term.label(), "0");
            }
            constants.put(label, "2.5");
            assertThat(CostModel.with(constants).of(RUN).total()).as(label).isEqualTo(Math.round(quantity * 2.5));
        });
    }

    private static final RunResult PV = Runs.pv(
            RUN,
            Map.of(
                    PvTotal.PAGETABLE_EXITS,
                    1L << 13,
                    PvTotal.ENTRIES_AUDITED,
                    1L << 17,
                    PvTotal.TABLES_VALIDATED,
                    1L << 18),
            Map.of("mmu_update", 1L << 19));

    @Test
    void exitsOfAPvGuestAreTrapsAndItsAuditsCostToo() {
        CostModel model = CostModel.with(Map.of("pv-exit", "10", "audit", "3", "validate", "2", "other-exit", "1"));
        Cost cost = model.of(PV);
        assertThat(PV.memoryExits()).isEqualTo(6145 + (1 << 13));
        assertThat(cost.share(CostTerm.Share.EXITS)).isEqualTo(10 * (6145 + (1 << 13)));
        assertThat(cost.share(CostTerm.Share.AUDITS)).isEqualTo(3 * (1 << 17) + 2 * (1 << 18));
        assertThat(cost.share(CostTerm.Share.SHADOWS)).isEqualTo(905_472);
    }

    @Test
    void allExitsAtOnePriceAreCountedOnce() {
        CostModel dear = CostModel.with(Map.of("other-exit", "1000"));
        assertThat(dear.totalWithAllExits(RUN)).isEqualTo(dear.of(RUN).total());
        CostModel usual = CostModel.with(Map.of());
        assertThat(usual.totalWithAllExits(RUN))
                .isEqualTo(usual.of(RUN).total() + 24576 * 1000)
                .isEqualTo(dear.of(RUN).total());
        assertThat(usual.totalWithAllExits(PV)).isEqualTo(usual.of(PV).total() + (24576 - 8192) * 300);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    magic | 1    | it takes one of reference, exit
                    exit  | x    | cannot be 'x'
                    exit  | -1   | from 0 to
                    exit  | NaN  | from 0 to
                    exit  | 1e99 | from 0 to
                    """)
    void constantsThatMakeNoSenseAreRefused(String label, String value, String message) {
        assertThatThrownBy(() -> CostModel.with(Map.of(label, value)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }
}
