package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.processor.Translation;
import io.umbra.shadow.Counter;
import io.umbra.shadow.P2m;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.x86.Event;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.StateImage.Difference;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The built-in guest in lock-step: nothing is found where nothing is wrong, and whatever is planted is found where it was planted. */
class LockStepTest {
    private static final Path IMAGE = Path.of("../guests/images/shadow-story.elf");
    private static final LockStepPlan PLAN = new LockStepPlan(0, 1000, 10_000);
    private static final Translation EAGER =
            new Translation(1, true, Translation.fastest().target(), 1 << 20);

    private static LockStep story(
            String settings, LockStepPlan plan, Translation translation, ByteArrayOutputStream console)
            throws Exception {
        DomainConfig plain = DomainConfig.of(16 << 20);
        DomainConfig config = new DomainConfig(
                        plain.memoryBytes(),
                        SmallGuests.paging(settings),
                        PolicyOption.parse(SmallGuests.options(settings)),
                        3,
                        false,
                        plain.startDate(),
                        true)
                .with(translation);
        GuestImage image = GuestImage.recognise(Files.readAllBytes(IMAGE), "story");
        LockStep both = LockStep.of(
                (role, printed, input) -> {
                    Domain domain = new Domain(role.of(config), printed, input);
                    domain.load(image, "", null);
                    return domain;
                },
                console::write,
                ConsoleInput.none(),
                plan);
        both.limit(50_000_000);
        return both;
    }

    @ParameterizedTest
    @CsvSource({
        "coherence=write-protect, 1, HOST",
        "coherence=write-protect, 50, HOST",
        "coherence=strict-tlb, 2, HOST",
        "coherence=out-of-sync, 1, HOST",
        "populate=one-level, 1, HOST",
        "nested, 1, HOST",
        "coherence=write-protect, 2, BYTECODE"
    })
    void translatedTheGuestIsTheSameAtEveryComparison(String settings, int threshold, Translation.Target target)
            throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        Translation translation = new Translation(threshold, true, target, 1 << 20);
        try (LockStep both = story(settings, PLAN, translation, console)) {
            assertThat(both.run()).isEqualTo(new GuestEnd.DebugExit(0));
            assertThat(console.toString(StandardCharsets.UTF_8)).contains("All 78 checks passed");
            assertThat(both.comparisons()).isGreaterThan(190);
            assertThat(both.parting()).isNull();
        }
    }

    @Test
    void theLogOfDirtyPagesMayBeOn() throws Exception {
        try (LockStep both = story("", PLAN, EAGER, new ByteArrayOutputStream())) {
            DirtySeries series = both.logDirty(10_000, true);
            assertThat(both.run()).isEqualTo(new GuestEnd.DebugExit(0));
            assertThat(series.count()).isGreaterThan(10);
        }
    }

    @Test
    void comparisonsBeginWhereTheyAreToBegin() throws Exception {
        try (LockStep both = story("", new LockStepPlan(50_007, 1000, 1000), EAGER, new ByteArrayOutputStream())) {
            both.advance();
            assertThat(both.domain().instructions()).isEqualTo(50_007);
            both.advance();
            assertThat(both.domain().instructions()).isEqualTo(51_007);
            assertThat(both.twin().instructions()).isEqualTo(51_007);
        }
    }

    @Test
    void theNextComparisonIsTheNextMultipleBehindTheFirst() {
        LockStepPlan plan = new LockStepPlan(5, 10, 10);
        assertThat(plan.after(0)).isEqualTo(5);
        assertThat(plan.after(5)).isEqualTo(15);
        assertThat(plan.after(14)).isEqualTo(15);
        assertThat(plan.after(Long.MAX_VALUE - 3)).isEqualTo(Long.MAX_VALUE);
    }

    // ---- planted differences ----------------------------------------------------------------------------------------

    /** Changes the twin at instruction 20,000, and must be told what is there. */
    private static Parting planted(Consumer<Domain> change) throws Exception {
        try (LockStep both = story("", PLAN, EAGER, new ByteArrayOutputStream())) {
            while (both.domain().instructions() < 20_000) {
                assertThat(both.advance()).isNull();
            }
            change.accept(both.twin());
            assertThatThrownBy(both::run)
                    .isInstanceOfSatisfying(
                            InvariantViolation.class,
                            violation -> assertThat(violation.rule()).isEqualTo("LOCKSTEP-1"))
                    .hasMessageContaining("went apart between the instructions");
            Parting parting = both.parting();
            assertThat(parting).isNotNull();
            return parting;
        }
    }

    private static Parting plantedAndFoundAtOnce(Consumer<Domain> change) throws Exception {
        Parting parting = planted(change);
        assertThat(parting.equalAt()).isEqualTo(20_000);
        assertThat(parting.foundAt()).isEqualTo(21_000);
        assertThat(parting.memoryEqualAt()).isEqualTo(20_000);
        assertThat(parting.summary())
                .contains("between the instructions 20000 and 21000")
                .doesNotContain("\n");
        return parting;
    }

    @Test
    void anotherRegisterIsFound() throws Exception {
        Parting parting = plantedAndFoundAtOnce(twin -> twin.state().lstar ^= 1L << 40);
        assertThat(parting.words()).containsExactly(new Difference("lstar", 0L, 1L << 40));
        assertThat(parting.frames()).isEmpty();
        assertThat(parting.text())
                .contains("lstar                                    0x0                  0x10000000000")
                .contains("--lock-step-from 20000 --lock-step-every 100\n");
    }

    @Test
    void anotherVectorRegisterIsFound() throws Exception {
        Parting parting = plantedAndFoundAtOnce(twin -> twin.state().ymmHigh[9] ^= 3);
        assertThat(parting.words()).extracting(Difference::name).containsExactly("upper ymm half[9]");
    }

    @Test
    void anEventThatOnlyOneIsToDeliverIsFound() throws Exception {
        Parting parting = plantedAndFoundAtOnce(twin -> twin.processor().inject(Event.exception(3)));
        assertThat(parting.words()).extracting(Difference::name).contains("rsp");
    }

    @Test
    void aTranslationThatOnlyOneHasIsFound() throws Exception {
        Parting parting = plantedAndFoundAtOnce(twin -> twin.processor().flush());
        assertThat(parting.words()).extracting(Difference::name).contains("TLB flushes");
    }

    @Test
    void aCounterThatDiffersIsFound() throws Exception {
        Parting parting = plantedAndFoundAtOnce(twin -> twin.counters().carry(Counter.GUEST_WALK, 1));
        assertThat(parting.words()).extracting(Difference::name).containsExactly("guest_walk");
    }

    /** In memory that the guest does not touch: only the comparison of all memory can find it. */
    @Test
    void anotherByteOfMemoryIsFoundAtTheNextComparisonOfAllMemory() throws Exception {
        long gfn = 0xF00;
        Parting parting = planted(twin -> twin.memory().writeByte((mfn(twin, gfn) << 12) + 0x123, 0x55));
        assertThat(parting.memoryEqualAt()).isEqualTo(20_000);
        assertThat(parting.equalAt()).isEqualTo(29_000);
        assertThat(parting.foundAt()).isEqualTo(30_000);
        assertThat(parting.words()).isEmpty();
        assertThat(parting.frames()).singleElement().satisfies(frame -> {
            assertThat(frame.gfn()).isEqualTo(gfn);
            assertThat(frame.offset()).isEqualTo(0x120);
            assertThat(frame.first()).isZero();
            assertThat(frame.second()).isEqualTo(0x5500_0000L);
        });
        assertThat(parting.summary()).contains("between the instructions 20000 and 30000");
        assertThat(parting.text())
                .contains("(gfn 0xf00), offset 0x120: 0x0, 0x55000000")
                .contains("--lock-step-from 20000 --lock-step-every 100 --lock-step-memory 100\n");
    }

    /** The frame of the guest's stack, which it writes to all the time. */
    @Test
    void anotherByteOfAFrameInUseIsFoundAtTheNextComparison() throws Exception {
        long[] frame = {-1};
        Parting parting = plantedAndFoundAtOnce(twin -> {
            twin.processor().eachWritableFrame(mfn -> frame[0] = mfn);
            twin.memory().writeByte((frame[0] << 12) + 8, twin.memory().readByte((frame[0] << 12) + 8) ^ 1);
        });
        assertThat(parting.frames()).extracting(FrameDifference::mfn).contains(frame[0]);
    }

    /** Accessed bits that the processor sets there are no difference; a software bit is. */
    @Test
    void anotherShadowIsFound() throws Exception {
        Parting parting = planted(twin -> {
            long shadow = 1;
            while (!twin.frames().isAllocated(shadow) || isOfTheGuest(twin, shadow)) {
                shadow++;
            }
            twin.memory().writeLong((shadow << 12) + 0x7F8, 1L << 9);
        });
        assertThat(parting.frames()).singleElement().satisfies(frame -> {
            assertThat(frame.gfn()).isEqualTo(-1);
            assertThat(frame.toString()).contains("not the guest's own");
        });
    }

    private static long mfn(Domain domain, long gfn) {
        return P2m.mfn(domain.p2m().lookup(gfn));
    }

    private static boolean isOfTheGuest(Domain domain, long mfn) {
        for (long gfn = 0; gfn <= domain.p2m().highestGfn(); gfn++) {
            if (mfn(domain, gfn) == mfn) {
                return true;
            }
        }
        return false;
    }

    @Test
    void anEndThatOnlyOneComesToIsFound() throws Exception {
        Parting parting = planted(twin -> twin.stopBetweenExits(new GuestEnd.Crashed("planted")));
        assertThat(parting.end()).isNull();
        assertThat(parting.twinEnd()).isEqualTo(new GuestEnd.Crashed("planted"));
        assertThat(parting.text()).contains("the end: none yet, planted");
    }
}
