package io.umbra.shadow;

import static org.assertj.core.api.Assertions.fail;

import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.shadow.ShadowPolicy.Populate;
import io.umbra.shadow.ShadowPolicy.WritableSearch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random sequences under every policy, each step held against the definition. {@code -Dumbra.operations=N} runs N operations for each policy in four-level paging, and a third of that in each other {@link World}, {@code -Dumbra.seed=S} starts at another
 * seed.
 */
class ShadowOracleTest {
    private static final int LENGTH = 400;
    private static final long OPERATIONS = Long.getLong("umbra.operations", 12_000);
    /** Of those, how many are run where the guest is not at home in four-level paging. */
    private static final double OTHER_WORLDS = 1.0 / 3;

    private static final long SEED = Long.getLong("umbra.seed", 1);

    /** Small enough to be empty all the time, large enough for the two pages that one access can need: with five levels a root, four shadows for each, and as many to spare. */
    private static final int TINY_POOL = 13;

    static Stream<ShadowPolicy> policies() {
        List<ShadowPolicy> policies = new ArrayList<>();
        for (Coherence coherence : Coherence.values()) {
            for (Populate populate : Populate.values()) {
                for (WritableSearch search : WritableSearch.values()) {
                    policies.add(new ShadowPolicy(coherence, populate, search, ShadowPolicy.MINIMUM_POOL, 0));
                }
                policies.add(new ShadowPolicy(coherence, populate, WritableSearch.REVERSE_MAP, TINY_POOL, 0));
            }
            policies.add(new ShadowPolicy(
                    coherence, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, ShadowPolicy.MINIMUM_POOL, 7));
            ShadowPolicy large = policies.getLast().with(PolicyOption.LARGE_PAGES, "on");
            policies.add(large);
            policies.add(large.with(PolicyOption.BLOW_EVERY, "0"));
        }
        return policies.stream();
    }

    static Stream<Arguments> policiesAndWorlds() {
        return policies().flatMap(policy -> Arrays.stream(World.values()).map(world -> Arguments.of(policy, world)));
    }

    @ParameterizedTest
    @MethodSource("policiesAndWorlds")
    void theGuestSeesWhatTheDefinitionSays(ShadowPolicy policy, World world) {
        double share = world == World.FOUR_LEVEL ? 1 : OTHER_WORLDS;
        long sequences = Math.max(1, Math.round(OPERATIONS * share / LENGTH));
        for (long seed = SEED; seed < SEED + sequences; seed++) {
            Sequence sequence = Sequence.draw(policy, world, seed, LENGTH);
            if (sequence.run() != null) {
                fail(sequence.shrunk().describe());
            }
        }
    }
}
