package io.umbra.shadow.pv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random sequences of what a PV guest can do, from a seed, each operation followed by the independent checker. {@code -Dumbra.operations=N} runs N operations, {@code -Dumbra.seed=S} starts at another
 * seed.
 */
class PvOracleTest {
    private static final int LENGTH = 400;
    private static final long OPERATIONS = Long.getLong("umbra.operations", 120_000);
    private static final long SEED = Long.getLong("umbra.seed", 1);

    @Test
    void nothingThatAGuestDoesBreaksARule() {
        List<PvSequence.Effect> effects = new ArrayList<>();
        long sequences = Math.max(1, OPERATIONS / LENGTH);
        for (long seed = SEED; seed < SEED + sequences; seed++) {
            PvSequence sequence = PvSequence.draw(seed, LENGTH);
            if (sequence.run(PvGuest.Defect.NONE, effects) != null) {
                fail(sequence.shrunk().describe());
            }
        }
        long operations = sequences * LENGTH;
        for (PvOperation.Kind kind : PvOperation.Kind.values()) {
            long accepted = effects.stream()
                    .mapToLong(effect -> effect.accepted().get(kind.ordinal()))
                    .sum();
            assertThat(accepted).as(kind + " has been tried and granted").isGreaterThan(operations / 5000);
        }
        assertThat(effects.stream().mapToLong(PvSequence.Effect::refused).sum()).isGreaterThan(operations / 5);
        assertThat(effects.stream().mapToLong(PvSequence.Effect::vulnerable).sum())
                .isGreaterThan(operations / 300);
        assertThat(effects.stream().mapToLong(PvSequence.Effect::preempted).sum())
                .isGreaterThan(operations / 200);
    }

    /** The oracle can fail: with something broken around the tables, random sequences find it. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void somethingBrokenIsFound(PvGuest.Defect defect) {
        boolean found = false;
        for (long seed = 1; seed <= 200 && !found; seed++) {
            found = PvSequence.draw(seed, LENGTH).run(defect, new ArrayList<>()) != null;
        }
        assertThat(found).isTrue();
    }
}
