package io.umbra.tools.matrix;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.Counter;
import io.umbra.shadow.Counters;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.shadow.ShadowPolicy.Coherence;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code -Dumbra.cases} and {@code -Dumbra.seed} choose how large the slice is, and which. */
class AccessMatrixTest {
    private static final long SEED = Long.getLong("umbra.seed", 20_240_901);
    private static final int CASES = Integer.getInteger("umbra.cases", 280_000);

    @Test
    void aSliceOfTheMatrixAgreesUnderEveryModeAndModel() {
        MatrixBatch batch = new MatrixBatch(List.of(MatrixMode.values()), List.of(Model.values()), CASES, SEED);

        List<MatrixBatch.Line> lines = batch.play(1, cases -> {});

        for (MatrixBatch.Line line : lines) {
            assertThat(line.result().first())
                    .as("seed %d, %s", SEED, line.model().label())
                    .extracting(Disagreement::explanation)
                    .isEmpty();
            assertThat(line.result().differences()).isZero();
        }
        assertThat(lines).hasSize(MatrixMode.values().length * Model.values().length);
        assertThat(lines.stream().mapToLong(line -> line.result().cases()).sum())
                .isGreaterThanOrEqualTo(CASES);
    }

    @ParameterizedTest
    @EnumSource
    void noPathIsThereTwiceInABlock(MatrixMode mode) {
        for (Block block : new AccessMatrix(mode).blocks()) {
            Set<List<Object>> seen = new HashSet<>();
            long paths = Math.min(block.paths().count(), 4096);
            for (long number = 0; number < paths; number++) {
                Path at = block.paths().at(number);
                seen.add(List.of(
                        at.target(),
                        at.readOnlyTables(),
                        at.entry(1),
                        at.entry(2),
                        at.entry(3),
                        at.entry(4),
                        at.entry(5)));
            }
            // Marks that are drawn may be those that the other half sets.
            int least = block.paths() instanceof Paths.OddEntry ? (int) (paths / 2) : (int) paths;
            assertThat(seen).as(block.name()).hasSizeBetween(least, (int) paths);
            assertThat(Set.copyOf(block.accesses())).hasSameSizeAs(block.accesses());
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "UNPAGED")
    void aLeafIsMetAtEveryLevelThatTheModeHas(MatrixMode mode) {
        AccessMatrix matrix = new AccessMatrix(mode);
        Set<Integer> reached = new HashSet<>();
        Definition definition = new Definition();
        for (long number : MatrixRun.sample(matrix, 5_000, SEED)) {
            AccessCase accessCase = matrix.at(number);
            if (definition.answer(accessCase, new long[6]) instanceof Answer.Reached) {
                reached.add(accessCase.leafLevel());
            }
        }
        assertThat(reached).hasSize(mode.topLeaf());
    }

    @Test
    void casesAreMadeByEveryWayOfTheEngine() {
        Set<Counter> met = EnumSet.noneOf(Counter.class);
        for (Coherence coherence : Coherence.values()) {
            met.addAll(metIn(coherence));
        }
        assertThat(met)
                .contains(
                        Counter.FIXUP,
                        Counter.GUEST_FAULT,
                        Counter.EMULATE,
                        Counter.EMULATE_OTHER,
                        Counter.MMIO,
                        Counter.DIRTY_BIT_FAULT,
                        Counter.SPLINTER,
                        Counter.UNSHADOW_USER,
                        Counter.UNSYNC,
                        Counter.RESYNC,
                        Counter.RESYNC_ENTRY,
                        Counter.FAST_NOT_PRESENT,
                        Counter.FAST_MMIO,
                        Counter.FAST_EMULATION,
                        Counter.VTLB_HIT,
                        Counter.INVLPG,
                        Counter.CR3_RETAINED);
    }

    private static final Block ODD_LEAVES = Block.of(MatrixMode.FOUR_LEVEL).stream()
            .filter(block -> block.name().equals("odd leaf, pages of 4 KiB"))
            .findFirst()
            .orElseThrow();

    private static Set<Counter> metIn(Coherence coherence) {
        ShadowPolicy policy = ShadowPolicy.DEFAULT
                .with(PolicyOption.COHERENCE, Model.valueOf(coherence.name()).label())
                .with(PolicyOption.POOL, "128");
        AccessMatrix matrix = new AccessMatrix(MatrixMode.FOUR_LEVEL);
        Set<Counter> met = EnumSet.noneOf(Counter.class);
        try (ShadowedGuest guest = new ShadowedGuest(MatrixMode.FOUR_LEVEL, policy)) {
            for (long number : MatrixRun.sample(matrix, 13_000, SEED)) {
                guest.answer(matrix.at(number), new long[6]);
            }
            // With EFER.NXE, so that the shadows above an odd leaf persist whatever rights they have.
            long first = ODD_LEAVES.cases() / 2;
            for (long number = first; number < first + ODD_LEAVES.cases() / 16; number++) {
                guest.answer(ODD_LEAVES.at(number, number), new long[6]);
            }
            Counters counters = guest.counters();
            for (Counter counter : Counter.values()) {
                if (counters.get(counter) > 0) {
                    met.add(counter);
                }
            }
        }
        return met;
    }

    @Test
    void aDisagreementShowsEntriesRegistersAndBothAnswers() {
        AccessMatrix matrix = new AccessMatrix(MatrixMode.FOUR_LEVEL);
        Subject contrary = (accessCase, entriesAfter) -> new Answer.Fault(0x3F);

        MatrixRun.Result result = MatrixRun.range(matrix, () -> contrary, 0, 10, cases -> {});

        assertThat(result.cases()).isEqualTo(10);
        assertThat(result.differences()).isEqualTo(10);
        assertThat(result.first()).hasSize(4);
        assertThat(result.first().getFirst().explanation())
                .contains("case 0 of four-level", "CR0 0x80000001", "supervisor read", "L4[055]", "L1[010]")
                .contains("the definition: reaches guest frame 0x40610; entries after: L4 0x")
                .contains("the subject:    #PF(P|W|U|RSVD|I|PK); entries after: L4 0x0  L3 0x0");
    }

    @Test
    void aSubjectThatBreaksIsReplaced() {
        AccessMatrix matrix = new AccessMatrix(MatrixMode.UNPAGED);
        int[] made = {0};
        MatrixRun.Result result = MatrixRun.range(
                matrix,
                () -> {
                    made[0]++;
                    return (accessCase, entriesAfter) -> new Answer.Broken("always");
                },
                0,
                5,
                cases -> {});

        assertThat(result.differences()).isEqualTo(5);
        assertThat(made[0]).isEqualTo(6);
    }
}
