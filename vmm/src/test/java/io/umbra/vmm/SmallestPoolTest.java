package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.shadow.ShadowPolicy.Populate;
import io.umbra.shadow.ShadowPolicy.WritableSearch;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * However small the pool, one instruction completes: the trial {@code operands} has instructions whose operands lie in ten slots of the L4, each with tables of its own, and between two of them touches more than the least pool
 * holds.
 */
class SmallestPoolTest {
    private static final Path TRIALS = Path.of("../guests/trials");
    private static final long LIMIT = 10_000_000;
    /** Instructions with operands across boundaries, and how often the trial makes each. */
    private static final int ATTEMPTS = 11 * 24;
    /** The root; ten slots and the one of code and stack, three tables each; and what is free before a path is made. */
    private static final int WHAT_ONE_INSTRUCTION_NEEDS = 1 + 11 * 3 + 5;

    private record Played(GuestEnd end, String console, long reclaims) {}

    private static Played play(ShadowPolicy policy) throws IOException, LoadException {
        DomainConfig plain = DomainConfig.of(64 << 20);
        DomainConfig config =
                new DomainConfig(plain.memoryBytes(), PagingKind.SHADOW, policy, 7, false, plain.startDate(), true);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        byte[] image = Files.readAllBytes(TRIALS.resolve("images/operands.elf"));
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(image, "operands"), "", null);
            domain.limit(LIMIT);
            GuestEnd end = domain.run();
            return new Played(
                    end,
                    console.toString(StandardCharsets.ISO_8859_1),
                    domain.counters().get(Counter.PREALLOC_UNHOOK));
        }
    }

    static Stream<Arguments> policies() {
        return Stream.of(ShadowPolicy.MINIMUM_POOL, WHAT_ONE_INSTRUCTION_NEEDS)
                .flatMap(pool -> Arrays.stream(Coherence.values())
                        .flatMap(coherence -> Arrays.stream(Populate.values())
                                .flatMap(populate -> Stream.of("0", "32")
                                        .map(prefetch -> Arguments.of(pool, coherence, populate, prefetch)))));
    }

    private static ShadowPolicy policy(int pool, Coherence coherence, Populate populate) {
        return new ShadowPolicy(coherence, populate, WritableSearch.REVERSE_MAP, pool, 0);
    }

    @ParameterizedTest
    @MethodSource("policies")
    void oneInstructionCompletesWith(int pool, Coherence coherence, Populate populate, String prefetch)
            throws IOException, LoadException {
        Played played = play(policy(pool, coherence, populate).with(PolicyOption.PREFETCH, prefetch));
        assertThat(played.console())
                .isEqualTo(Files.readString(TRIALS.resolve("expected/operands.txt"), StandardCharsets.ISO_8859_1));
        assertThat(played.end()).isEqualTo(new GuestEnd.DebugExit(0));
        assertThat(played.reclaims()).as("each attempt begins without shadows").isGreaterThanOrEqualTo(ATTEMPTS);
    }
}
