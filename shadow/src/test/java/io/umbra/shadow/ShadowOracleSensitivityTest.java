package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The oracle can fail: with something broken around the engine, random sequences find it. */
class ShadowOracleSensitivityTest {
    private static final int SEQUENCES = 200;

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void somethingBrokenIsFound(ShadowMachine.Defect defect) {
        boolean found = false;
        for (long seed = 1; seed <= SEQUENCES && !found; seed++) {
            found = Sequence.draw(SmallGuest.POLICY, World.ALL, seed, 400).run(defect) != null;
        }
        assertThat(found).isTrue();
    }
}
