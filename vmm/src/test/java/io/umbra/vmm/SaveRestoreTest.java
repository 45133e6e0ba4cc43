package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.Counter;
import io.umbra.vmm.SmallGuests.Outcome;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateFormat;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A guest that is saved, at whatever instruction, and restored, under whatever policy, cannot tell: it prints the same, retires the same instructions and comes to the same end. {@code
 * -Dumbra.saves} and {@code -Dumbra.seed} choose how often each guest is saved, and where.
 */
class SaveRestoreTest {
    private static final int SAVES = Integer.getInteger("umbra.saves", 3);
    private static final long SEED = Long.getLong("umbra.seed", 1);

    private static byte[] save(Domain domain) throws Exception {
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        DomainStream.save(domain, stream);
        return stream.toByteArray();
    }

    private static Domain restore(byte[] stream, String settings, long seed, ByteArrayOutputStream console)
            throws Exception {
        RestoreRequest request = new RestoreRequest(
                SmallGuests.paging(settings),
                SmallGuests.options(settings),
                seed,
                false,
                console::write,
                ConsoleInput.none());
        return DomainStream.restore(new ByteArrayInputStream(stream), request);
    }

    static Stream<Arguments> guestsUnderPolicies() {
        return SmallGuests.ALL.stream()
                .flatMap(guest -> Stream.of(
                        Arguments.of(guest, "", ""),
                        Arguments.of(guest, "coherence=strict-tlb", "coherence=out-of-sync"),
                        Arguments.of(guest, "coherence=out-of-sync", "nested"),
                        Arguments.of(guest, "nested", "coherence=strict-tlb populate=one-level"),
                        Arguments.of(guest, "coherence=write-protect", "coherence=write-protect blow-every=7")));
    }

    @ParameterizedTest
    @MethodSource("guestsUnderPolicies")
    void aGuestSavedAtAnyInstructionGoesOnAsIfItHadNotBeen(String guest, String before, String after) throws Exception {
        Outcome expected = SmallGuests.undisturbed(guest);
        SplittableRandom random = new SplittableRandom(SEED + 31L * (guest + before + after).hashCode());
        for (int i = 0; i < SAVES; i++) {
            long at = random.nextLong(1, expected.instructions());
            ByteArrayOutputStream console = new ByteArrayOutputStream();
            byte[] stream;
            try (Domain domain = SmallGuests.start(guest, before, false, console)) {
                domain.limit(at);
                assertThat(domain.run()).isInstanceOf(GuestEnd.LimitReached.class);
                stream = save(domain);
            }
            try (Domain domain = restore(stream, after, 99 + i, console)) {
                domain.limit(SmallGuests.LIMIT);
                Outcome found = SmallGuests.outcome(domain, domain.run(), console);
                SmallGuests.assertSame(found, expected, "seed %d, saved after %d instructions".formatted(SEED, at));
            }
        }
    }

    /** What a machine writes of a state that it has read is what it read. The counts are not: restoring is counted too. */
    @ParameterizedTest
    @MethodSource("guestsUnderPolicies")
    void whatIsRestoredIsSavedAgainAsItWas(String guest, String before, String after) throws Exception {
        SplittableRandom random = new SplittableRandom(SEED);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = SmallGuests.start(guest, before, false, console)) {
            for (int i = 0; i < SAVES; i++) {
                domain.limit(domain.instructions() + random.nextLong(1, 20_000));
                domain.run();
                try (Domain restored = restore(save(domain), after, i, console)) {
                    assertThat(restored.state().instructions).isEqualTo(domain.state().instructions);
                    assertThat(restored.now()).isEqualTo(domain.now());
                    for (int part = 0; part < domain.parts(false).size(); part++) {
                        Persistent saved = domain.parts(false).get(part);
                        Persistent again = restored.parts(false).get(part);
                        if (!(saved instanceof CountersPart)) {
                            assertThat(StateFormat.write(List.of(again)))
                                    .as("%s, seed %d, save %d", saved.stateName(), SEED, i)
                                    .isEqualTo(StateFormat.write(List.of(saved)));
                        }
                    }
                }
            }
        }
    }

    @Test
    void savingChangesNothing() throws Exception {
        Outcome expected = SmallGuests.undisturbed("trials/images/events.elf");
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = SmallGuests.start("trials/images/events.elf", "", false, console)) {
            GuestEnd end = new GuestEnd.LimitReached("");
            for (long at = 1_000; end instanceof GuestEnd.LimitReached && at < expected.instructions(); at += 9_973) {
                domain.limit(at);
                end = domain.run();
                byte[] stream = save(domain);
                assertThat(save(domain)).isEqualTo(stream);
            }
            domain.limit(SmallGuests.LIMIT);
            SmallGuests.assertSame(SmallGuests.outcome(domain, domain.run(), console), expected, "saved often");
        }
    }

    /** All counts go on from where they were, so that a guest that asks for them does not see them fall. */
    @Test
    void countsAreCarriedOn() throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = SmallGuests.start("trials/images/tables.elf", "", false, console)) {
            domain.limit(30_000);
            domain.run();
            try (Domain restored = restore(save(domain), "", 5, console)) {
                for (var counter : Counter.values()) {
                    if (!counter.isLevel()) {
                        assertThat(restored.counters().get(counter))
                                .as(counter.label())
                                .isGreaterThanOrEqualTo(domain.counters().get(counter));
                    }
                }
                assertThat(restored.counters().get(Counter.PAGE_FAULT))
                        .isEqualTo(domain.counters().get(Counter.PAGE_FAULT))
                        .isPositive();
            }
        }
    }
}
