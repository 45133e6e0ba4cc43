package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The oracle can fail: with something broken around the engine, random sequences find it. */
class ShadowOracleSensitivityTest {
    private static final int SEQUENCES = 200;

    /** Under write-protect INVLPG has nothing to add: every change was seen when it was made. */
    private static final ShadowPolicy FOLLOWS_FLUSHES = new ShadowPolicy(
            ShadowPolicy.Coherence.STRICT_TLB,
            ShadowPolicy.Populate.ALL_LEVELS,
            ShadowPolicy.WritableSearch.REVERSE_MAP,
            ShadowPolicy.MINIMUM_POOL,
            0);

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void somethingBrokenIsFound(ShadowMachine.Defect defect) {
        ShadowPolicy policy = defect == ShadowMachine.Defect.LOST_INVALIDATION ? FOLLOWS_FLUSHES : SmallGuest.POLICY;
        boolean found = false;
        for (long seed = 1; seed <= SEQUENCES && !found; seed++) {
            found = Sequence.draw(policy, World.ALL, seed, 400).run(defect) != null;
        }
        assertThat(found).isTrue();
    }
}
