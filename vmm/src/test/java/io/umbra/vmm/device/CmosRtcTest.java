package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class CmosRtcTest {
    private static final long SECOND = 1_000_000_000;

    private final VirtualClock clock = new VirtualClock();
    private final RecordedLine line = new RecordedLine();
    private final PortBus bus = new PortBus();
    private CmosRtc rtc = start("2000-01-01T00:00:00Z");

    private CmosRtc start(String date) {
        return new CmosRtc(clock, line, Instant.parse(date), 128L << 20);
    }

    private int in(int index) {
        rtc.write(0x70, 1, index);
        return (int) rtc.read(0x71, 1);
    }

    private void out(int index, int value) {
        rtc.write(0x70, 1, index);
        rtc.write(0x71, 1, value);
    }

    private String time() {
        return "%02x%02x-%02x-%02x %02x:%02x:%02x day %x"
                .formatted(in(0x32), in(9), in(8), in(7), in(4), in(2), in(0), in(6));
    }

    @Test
    void timeStartsAtItsDateAndFollowsTheClock() {
        assertThat(time()).isEqualTo("2000-01-01 00:00:00 day 7");
        clock.advanceTo(SECOND - 1);
        assertThat(in(0)).isZero();
        clock.advanceTo(86_400 * SECOND + 61 * SECOND);
        assertThat(time()).isEqualTo("2000-01-02 00:01:01 day 1");
        clock.advanceTo(60 * 86_400 * SECOND);
        assertThat(time()).as("a leap year").isEqualTo("2000-03-01 00:00:00 day 4");
    }

    @Test
    void theCenturyTurns() {
        rtc = start("1999-12-31T23:59:59Z");
        clock.advanceTo(SECOND);
        assertThat(time()).isEqualTo("2000-01-01 00:00:00 day 7");
    }

    @Test
    void updateInProgressComesBeforeTheUpdate() {
        clock.advanceTo(SECOND - 2_228_001);
        assertThat(in(0x0a)).isEqualTo(0x26);
        clock.advanceTo(SECOND - 2_228_000);
        assertThat(in(0x0a)).isEqualTo(0xa6);
        clock.advanceTo(SECOND);
        assertThat(in(0x0a)).isEqualTo(0x26);
        assertThat(in(0)).isEqualTo(1);
    }

    @Test
    void setHoldsTheTimeWhileItIsWritten() {
        out(0x0b, 0x92);
        assertThat(in(0x0b)).as("SET clears the update enable").isEqualTo(0x82);
        out(4, 0x23);
        out(2, 0x59);
        out(0, 0x58);
        clock.advanceTo(5 * SECOND + SECOND / 2);
        assertThat(time()).isEqualTo("2000-01-01 23:59:58 day 7");
        out(0x0b, 0x02);
        clock.advanceTo(7 * SECOND);
        assertThat(time()).isEqualTo("2000-01-02 00:00:00 day 1");
    }

    @Test
    void twelveHoursAndBinaryAreFormatsOfTheirOwn() {
        out(0x0b, 0x84);
        out(4, 11);
        out(2, 59);
        out(0, 59);
        out(0x32, 20);
        out(0x0b, 0x04);
        clock.advanceTo(SECOND);
        assertThat(in(4)).as("12 PM").isEqualTo(0x8c);
        clock.advanceTo(3600 * SECOND + SECOND);
        assertThat(in(4)).as("1 PM").isEqualTo(0x81);
        clock.advanceTo(12 * 3600 * SECOND + SECOND);
        assertThat(in(4)).as("12 AM").isEqualTo(12);
        assertThat(in(7)).isEqualTo(2);
    }

    @Test
    void anUpdateInterruptsUntilRegisterCIsRead() {
        out(0x0b, 0x12);
        clock.advanceTo(SECOND);
        assertThat(line.isHigh()).isTrue();
        assertThat(in(0x0c) & 0x90).isEqualTo(0x90);
        assertThat(line.isHigh()).isFalse();
        assertThat(in(0x0c)).isZero();
        clock.advanceTo(3 * SECOND);
        assertThat(line.risingEdges()).isEqualTo(2);
    }

    @Test
    void theAlarmComesWhenAllItsBytesMatchOrDoNotCare() {
        out(1, 0x30);
        out(3, 0x01);
        out(5, 0xc0);
        out(0x0b, 0x22);
        clock.advanceTo(90 * SECOND - 1);
        assertThat(line.isHigh()).isFalse();
        clock.advanceTo(90 * SECOND);
        assertThat(line.isHigh()).isTrue();
        assertThat(in(0x0c) & 0xa0).isEqualTo(0xa0);
        out(0x0b, 0x02);
        clock.advanceTo(3690 * SECOND);
        assertThat(in(0x0c) & 0xa0)
                .as("the flag comes without its interrupt too")
                .isEqualTo(0x20);
    }

    @Test
    void thePeriodicInterruptHasItsExactRate() {
        out(0x0b, 0x42);
        int interrupts = 0;
        while (clock.nextEvent() <= SECOND) {
            clock.advanceTo(clock.nextEvent());
            assertThat(in(0x0c) & 0xc0).isEqualTo(0xc0);
            interrupts++;
        }
        assertThat(interrupts).isEqualTo(1024);
        out(0x0a, 0x20);
        assertThat(clock.nextEvent()).isEqualTo(VirtualClock.NEVER);
        out(0x0a, 0x21);
        clock.advanceTo(clock.nextEvent());
        assertThat(clock.now()).as("rate 1 is 256 Hz").isEqualTo(SECOND + 3_906_250);
    }

    @Test
    void theDividerResetDelaysTheFirstUpdateByHalfASecond() {
        out(0x0a, 0x76);
        clock.advanceTo(10 * SECOND);
        assertThat(in(0)).isZero();
        out(0x0a, 0x26);
        clock.advanceTo(10 * SECOND + SECOND / 2 - 1);
        assertThat(in(0)).isZero();
        clock.advanceTo(10 * SECOND + SECOND / 2);
        assertThat(in(0)).isEqualTo(1);
    }

    @Test
    void anythingMayBeWrittenAndTimeGoesOn() {
        for (int value = 0; value < 256; value++) {
            for (int index = 0; index < 10; index++) {
                out(index, value);
            }
            out(0x32, value);
            clock.advanceTo(clock.now() + 2 * SECOND);
            assertThat(in(8)).isBetween(0, 255);
        }
    }

    @Test
    void memoryBytesTellTheSizeAndKeepWhatIsWritten() {
        rtc.attach(bus);
        assertThat(in(0x15) | in(0x16) << 8).isEqualTo(640);
        assertThat(in(0x30) | in(0x31) << 8).isEqualTo(0xffff);
        assertThat(in(0x34) | in(0x35) << 8).isEqualTo(112 * 16);
        assertThat(in(0x0d)).isEqualTo(0x80);
        out(0x0d, 0);
        assertThat(in(0x0d)).isEqualTo(0x80);
        out(0x7f, 0x5a);
        bus.write(0x70, 1, 0xff);
        assertThat(rtc.isNmiMasked()).isTrue();
        assertThat(bus.read(0x71, 1)).isEqualTo(0x5a);
    }
}
