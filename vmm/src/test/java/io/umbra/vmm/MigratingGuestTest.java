package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.SmallGuests.Outcome;
import java.io.ByteArrayOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A guest that is migrated while it runs, again and again, cannot tell. With {@code verify} the sender sends all memory once more at the end, and the receiver compares it: a page that was
 * written to after it had been sent, and not sent again, ends the run.
 */
class MigratingGuestTest {
    /** So fast that the small guests are still there when all of their memory was sent. */
    private static final double FAST_LINK = 1e12;

    private record Migrated(Outcome outcome, MigratingGuest guest) {}

    private static Migrated migrate(String name, String settings, long period, double link) throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        Domain first = SmallGuests.start(name, settings, true, console);
        try (MigratingGuest guest = new MigratingGuest(first, period, link, console::write)) {
            GuestEnd end = guest.run();
            return new Migrated(SmallGuests.outcome(guest.domain(), end, console), guest);
        }
    }

    static Stream<Arguments> guestsUnderPolicies() {
        return SmallGuests.ALL.stream()
                .flatMap(guest -> Stream.of(
                                "",
                                "nested",
                                "coherence=strict-tlb",
                                "coherence=out-of-sync dirty-clean=blow",
                                "coherence=out-of-sync prefetch=0")
                        .map(settings -> Arguments.of(guest, settings)));
    }

    @ParameterizedTest
    @MethodSource("guestsUnderPolicies")
    void aGuestThatIsMigratedAgainAndAgainCannotTell(String name, String settings) throws Exception {
        Outcome expected = SmallGuests.undisturbed(name);
        Migrated migrated = migrate(name, settings, expected.instructions() / 10 + 1, FAST_LINK);
        SmallGuests.assertSame(migrated.outcome(), expected, settings);
        assertThat(migrated.guest().migrations()).hasSizeGreaterThan(3);
        assertThat(migrated.guest().domain().incarnation())
                .isEqualTo(migrated.guest().migrations().size());
    }

    @Test
    void thereAreRoundsUntilFewFramesAreLeftOrFiveAreOver() throws Exception {
        Migrated migrated = migrate("images/shadow-story.elf", "", 20_000, 2e10);
        assertThat(migrated.guest().migrations()).isNotEmpty().allSatisfy(migration -> {
            assertThat(migration.rounds()).hasSizeBetween(1, 1 + MigratingGuest.MOST_ROUNDS);
            assertThat(migration.rounds().getFirst()).isEqualTo((16 << 20 >>> 12) - 24);
            assertThat(migration.rounds().subList(1, migration.rounds().size()))
                    .allMatch(frames -> frames >= MigratingGuest.FEW_FRAMES);
            boolean gaveUp = migration.rounds().size() == 1 + MigratingGuest.MOST_ROUNDS;
            assertThat(migration.downtime() < MigratingGuest.FEW_FRAMES || gaveUp)
                    .isTrue();
            assertThat(migration.stopped()).isGreaterThan(migration.start());
            assertThat(migration.frames()).isGreaterThan(4000);
        });
    }

    @Test
    void aGuestThatEndsWhileItsMemoryIsOnItsWayEndsWhereItIs() throws Exception {
        Outcome expected = SmallGuests.undisturbed("trials/images/tables.elf");
        Migrated migrated = migrate("trials/images/tables.elf", "", 20_000, 1e3);
        SmallGuests.assertSame(migrated.outcome(), expected, "slow link");
        assertThat(migrated.guest().migrations()).isEmpty();
    }

    @Test
    void theLimitGoesWithTheGuest() throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        Domain first = SmallGuests.start("images/shadow-story.elf", "", false, console);
        first.limit(100_000);
        try (MigratingGuest guest = new MigratingGuest(first, 10_000, FAST_LINK, console::write)) {
            assertThat(guest.run()).isInstanceOf(GuestEnd.LimitReached.class);
            assertThat(guest.domain()).isNotSameAs(first);
            assertThat(guest.domain().instructions()).isEqualTo(100_000);
        }
    }

    @Test
    void whoStopsTheGuestStopsItWhereverItIs() throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        Domain first = SmallGuests.start("images/shadow-story.elf", "", false, console);
        GuestEnd reason = new GuestEnd.Stopped("enough");
        MigratingGuest[] running = new MigratingGuest[1];
        int[] printed = new int[1];
        try (MigratingGuest guest = new MigratingGuest(first, 10_000, FAST_LINK, character -> {
            if (++printed[0] == 2_000) {
                running[0].stop(reason);
            }
        })) {
            running[0] = guest;
            assertThat(guest.run()).isEqualTo(reason);
            assertThat(guest.domain()).isNotSameAs(first);
        }
    }
}
