package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PowerManagementTest {
    private final VirtualClock clock = new VirtualClock();
    private final PortBus bus = new PortBus();
    private final RecordedLine sci = new RecordedLine();
    private int powerOffs;

    @BeforeEach
    void attach() {
        new PowerManagement(clock, sci, () -> powerOffs++).attach(bus);
    }

    @Test
    void theTimerCountsToItsFrequencyEachSecondAndWrapsAt24Bits() {
        clock.advanceTo(1_000_000_000);
        assertThat(bus.read(0x608, 4)).isEqualTo(3_579_545);
        clock.advanceTo(10_000_000_000L);
        assertThat(bus.read(0x608, 4)).isEqualTo(35_795_450 % (1 << 24));
        assertThat(bus.read(0x609, 1)).isEqualTo(35_795_450 >> 8 & 0xFF);
    }

    @Test
    void acpiModeIsOnAndStays() {
        assertThat(bus.read(0x604, 2)).isEqualTo(1);
        bus.write(0x604, 2, 0x1C00);
        assertThat(bus.read(0x604, 2)).isEqualTo(0x1C01);
    }

    @Test
    void onlyTheSleepTypeOfS5PowersOff() {
        bus.write(0x604, 2, 0x3400);
        assertThat(powerOffs).isZero();
        bus.write(0x604, 2, 0x2001);
        assertThat(powerOffs).isEqualTo(1);
        bus.write(0x604, 2, 0x1400);
        bus.write(0x605, 1, 0x20);
        assertThat(powerOffs).isEqualTo(2);
    }

    @Test
    void theTimersUpperBitSetsAStatusThatIsClearedByAOne() {
        clock.advanceTo(2_000_000_000);
        assertThat(bus.read(0x600, 2)).isZero();
        clock.advanceTo(2_400_000_000L);
        assertThat(bus.read(0x600, 2)).isEqualTo(1);
        bus.write(0x600, 2, 0xFFFE);
        assertThat(bus.read(0x600, 2)).isEqualTo(1);
        bus.write(0x600, 2, 1);
        assertThat(bus.read(0x600, 2)).isZero();
        assertThat(sci.isHigh()).isFalse();
    }

    @Test
    void anEnabledStatusRaisesTheInterruptUntilItIsCleared() {
        bus.write(0x602, 2, 0xFFFF);
        assertThat(bus.read(0x602, 2)).isEqualTo(0x0721);
        clock.advanceTo(2_343_484_437L);
        assertThat(sci.isHigh()).isFalse();
        clock.advanceTo(2_343_484_438L);
        assertThat(sci.isHigh()).isTrue();
        bus.write(0x600, 2, 1);
        assertThat(sci.isHigh()).isFalse();
        clock.advanceTo(4_700_000_000L);
        assertThat(sci.risingEdges()).isEqualTo(2);
    }
}
