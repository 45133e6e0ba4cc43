package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class Timer8254Test {
    private final VirtualClock clock = new VirtualClock();
    private final RecordedLine line = new RecordedLine();
    private final Timer8254 timer = new Timer8254(clock, line);
    private final PortBus bus = new PortBus();

    @BeforeEach
    void attach() {
        timer.attach(bus);
    }

    private void out(int port, int... values) {
        for (int value : values) {
            bus.write(port, 1, value);
        }
    }

    private int in(int port) {
        return (int) bus.read(port, 1);
    }

    private void tick(long ticks) {
        clock.advanceTo(Timer8254.timeOf(Timer8254.ticksAt(clock.now()) + ticks));
    }

    private boolean speakerOut() {
        return (in(0x61) & 0x20) != 0;
    }

    /** The low byte of counter 2 and its output after each of {@code ticks} ticks: as "5H" or "4L". */
    private String trace(int ticks) {
        List<String> seen = new ArrayList<>();
        for (int at = 0; at < ticks; at++) {
            tick(1);
            seen.add(in(0x42) + (speakerOut() ? "H" : "L"));
        }
        return String.join(" ", seen);
    }

    @Test
    void ticksAndTimeConvertWithoutDrift() {
        assertThat(Timer8254.ticksAt(3_600_000_000_000L)).isEqualTo(3600 * 1_193_182L);
        assertThat(Timer8254.timeOf(1_193_182L * 86_400 * 365)).isEqualTo(86_400L * 365 * 1_000_000_000);
        Random random = new Random(1);
        for (int round = 0; round < 10_000; round++) {
            long ticks = random.nextLong(1L << 50);
            long time = Timer8254.timeOf(ticks);
            assertThat(Timer8254.ticksAt(time)).isEqualTo(ticks);
            assertThat(Timer8254.ticksAt(time - 1)).isEqualTo(ticks - 1);
        }
    }

    @Test
    void mode0RaisesOutAtTheTerminalCountAndWraps() {
        out(0x61, 1);
        out(0x43, 0x90);
        out(0x42, 4);
        assertThat(trace(7)).isEqualTo("4L 3L 2L 1L 0H 255H 254H");
        out(0x42, 2);
        assertThat(speakerOut()).as("a new count lowers OUT").isFalse();
        assertThat(trace(3)).isEqualTo("2L 1L 0H");
    }

    @Test
    void mode0WaitsForTheGateAndForTheSecondByte() {
        out(0x43, 0xb0);
        out(0x42, 3, 0);
        assertThat(trace(2)).isEqualTo("3L 0L");
        tick(10);
        out(0x61, 1);
        tick(3);
        assertThat(speakerOut()).isTrue();
        out(0x42, 5);
        assertThat(speakerOut())
                .as("the first byte stops the count and lowers OUT")
                .isFalse();
        tick(100);
        out(0x42, 0);
        tick(5);
        assertThat(speakerOut()).isFalse();
        tick(1);
        assertThat(speakerOut()).isTrue();
    }

    @Test
    void mode1IsAOneShotThatTheGateTriggersAgain() {
        out(0x43, 0x92);
        out(0x42, 3);
        tick(5);
        assertThat(speakerOut()).isTrue();
        out(0x61, 1);
        assertThat(trace(5)).isEqualTo("3L 2L 1L 0H 255H");
        out(0x61, 0);
        out(0x61, 1);
        assertThat(trace(2)).isEqualTo("3L 2L");
        out(0x61, 0);
        out(0x61, 1);
        assertThat(trace(4)).as("retriggered").isEqualTo("3L 2L 1L 0H");
    }

    @Test
    void mode2DividesAndTakesANewCountAtTheEndOfTheCycle() {
        out(0x61, 1);
        out(0x43, 0x94);
        out(0x42, 3);
        assertThat(trace(6)).isEqualTo("3H 2H 1L 3H 2H 1L");
        tick(1);
        out(0x42, 5);
        assertThat(trace(8)).isEqualTo("2H 1L 5H 4H 3H 2H 1L 5H");
        tick(4);
        out(0x61, 0);
        assertThat(speakerOut()).as("the gate raises OUT at once").isTrue();
        tick(3);
        out(0x61, 1);
        assertThat(trace(3)).as("and reloads").isEqualTo("5H 4H 3H");
    }

    @Test
    void mode3HalvesEvenAndOddCounts() {
        out(0x61, 1);
        out(0x43, 0x96);
        out(0x42, 4);
        assertThat(trace(9)).isEqualTo("4H 2H 4L 2L 4H 2H 4L 2L 4H");
        out(0x43, 0x96);
        out(0x42, 5);
        assertThat(trace(11)).isEqualTo("4H 2H 0H 4L 2L 4H 2H 0H 4L 2L 4H");
    }

    @Test
    void mode3LoadsANewCountAtTheEndOfTheHalfCycle() {
        out(0x61, 1);
        out(0x43, 0x96);
        out(0x42, 4);
        tick(1);
        out(0x42, 6);
        assertThat(trace(7)).isEqualTo("2H 6L 4L 2L 6H 4H 2H");
        tick(1);
        out(0x61, 0);
        assertThat(speakerOut()).isTrue();
        out(0x61, 1);
        assertThat(trace(2)).isEqualTo("6H 4H");
    }

    @Test
    void mode4StrobesOnceForOneTick() {
        out(0x61, 1);
        out(0x43, 0x98);
        out(0x42, 3);
        assertThat(trace(7)).isEqualTo("3H 2H 1H 0L 255H 254H 253H");
        out(0x42, 2);
        assertThat(trace(4)).isEqualTo("2H 1H 0L 255H");
        tick(600);
        assertThat(speakerOut()).isTrue();
    }

    @Test
    void mode5StrobesAfterTheGateTriggers() {
        out(0x43, 0x9a);
        out(0x42, 2);
        tick(9);
        assertThat(speakerOut()).isTrue();
        out(0x61, 1);
        assertThat(trace(4)).isEqualTo("2H 1H 0L 255H");
        out(0x61, 0);
        out(0x61, 1);
        assertThat(trace(1)).isEqualTo("2H");
        out(0x61, 0);
        out(0x61, 1);
        assertThat(trace(4)).isEqualTo("2H 1H 0L 255H");
    }

    @Test
    void bcdCountsInDecimal() {
        out(0x61, 1);
        out(0x43, 0xb1);
        out(0x42, 0x00, 0x10);
        tick(2);
        out(0x43, 0x80);
        assertThat(in(0x42) | in(0x42) << 8).isEqualTo(0x0999);
        tick(1000);
        out(0x43, 0x80);
        assertThat(in(0x42) | in(0x42) << 8).as("9999 follows 0").isEqualTo(0x9999);
    }

    @Test
    void aLatchedCountHoldsUntilItIsRead() {
        out(0x61, 1);
        out(0x43, 0xb4);
        out(0x42, 0, 0);
        tick(1 + 0x123);
        out(0x43, 0x80);
        tick(50);
        out(0x43, 0x80);
        assertThat(in(0x42) | in(0x42) << 8).isEqualTo(0x1_0000 - 0x123);
        tick(1);
        assertThat(in(0x42) | in(0x42) << 8).as("live").isEqualTo(0x1_0000 - 0x123 - 51);
    }

    @Test
    void aSingleByteOfTheCountMayBeRead() {
        out(0x61, 1);
        out(0x43, 0xa4);
        out(0x42, 0x12);
        tick(1);
        assertThat(in(0x42)).isEqualTo(0x12);
        tick(1);
        assertThat(in(0x42)).isEqualTo(0x11);
    }

    @Test
    void readBackLatchesStatusBeforeCount() {
        out(0x61, 1);
        out(0x43, 0xb6);
        out(0x43, 0xe8);
        assertThat(in(0x42)).as("OUT, null count, both bytes, mode 3").isEqualTo(0xf6);
        out(0x42, 0x10, 0);
        tick(1);
        out(0x43, 0xc8);
        tick(4);
        assertThat(in(0x42)).as("the count is loaded").isEqualTo(0xb6);
        assertThat(in(0x42)).isEqualTo(0x10);
        assertThat(in(0x42)).isEqualTo(0x00);
    }

    @Test
    void counter0InterruptsAtAnExactRateForEver() {
        out(0x43, 0x34);
        out(0x40, 0xa5, 0x12);
        int edges = line.risingEdges();
        clock.advanceTo(1_000_000_000_000L);
        assertThat(line.risingEdges() - edges).isEqualTo((int) ((1000 * 1_193_182L - 1) / 0x12a5));
    }

    @Test
    void counter0StrobesOnceForEachCountInMode4() {
        out(0x43, 0x38);
        int edges = line.risingEdges();
        out(0x40, 0x10, 0x00);
        assertThat(clock.nextEvent()).isEqualTo(Timer8254.timeOf(17));
        clock.advanceTo(Timer8254.timeOf(18));
        assertThat(line.risingEdges() - edges).isEqualTo(1);
        assertThat(clock.nextEvent()).as("nothing more is due").isEqualTo(VirtualClock.NEVER);
        out(0x40, 0x10, 0x00);
        tick(100);
        assertThat(line.risingEdges() - edges).isEqualTo(2);
    }

    @Test
    void aCounterWithoutInterruptSchedulesNothing() {
        out(0x61, 3);
        out(0x43, 0xb6);
        out(0x42, 2, 0);
        clock.advanceTo(3_600_000_000_000L);
        assertThat(clock.nextEvent()).isEqualTo(VirtualClock.NEVER);
        assertThat(timer.speaker()).isEqualTo(speakerOut());
    }

    /** A guest that looks at every tick and one that looks rarely see the same counter. */
    @Test
    void longStridesEqualSingleTicks() {
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            Counter8254 fine = new Counter8254(false);
            Counter8254 coarse = new Counter8254(false);
            long now = 0;
            for (int action = 0; action < 12; action++) {
                int kind = random.nextInt(6);
                int control = 0x10 | random.nextInt(6) << 1 | (random.nextInt(4) == 0 ? 1 : 0);
                int value = random.nextInt(10);
                boolean gate = random.nextInt(3) != 0;
                for (Counter8254 counter : List.of(fine, coarse)) {
                    switch (kind) {
                        case 0 -> counter.program(control);
                        case 1, 2 -> counter.write(value);
                        default -> counter.setGate(gate);
                    }
                }
                long edge = coarse.ticksToEdge();
                boolean level = fine.out();
                long stride = random.nextInt(60);
                for (long step = 1; step <= stride; step++) {
                    fine.advanceTo(now + step);
                    if (step <= edge) {
                        assertThat(fine.out() != level)
                                .as("seed %d: edge promised after %d, tick %d", seed, edge, step)
                                .isEqualTo(step == edge);
                    }
                }
                now += stride;
                coarse.advanceTo(now);
                assertThat(coarse.out()).as("seed %d: OUT", seed).isEqualTo(fine.out());
                assertThat(coarse.read()).as("seed %d: count", seed).isEqualTo(fine.read());
            }
        }
    }

    @Test
    void refreshTogglesEveryEighteenTicks() {
        int before = in(0x61) & 0x10;
        tick(18);
        assertThat(in(0x61) & 0x10).isNotEqualTo(before);
        tick(18);
        assertThat(in(0x61) & 0x10).isEqualTo(before);
    }
}
