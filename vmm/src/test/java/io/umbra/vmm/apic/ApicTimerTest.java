package io.umbra.vmm.apic;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Msr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ApicTimerTest {
    private static final int LVT = 0x320;
    private static final int INITIAL = 0x380;
    private static final int CURRENT = 0x390;
    private static final int DIVIDE = 0x3E0;
    private static final int BY_1 = 0b1011;
    private static final int VECTOR = 0x40;
    private static final int PERIODIC = 1 << 17;
    private static final int DEADLINE = 2 << 17;
    private static final int MASKED = 1 << 16;

    private final ApicMachine machine = new ApicMachine();

    private boolean takesInterrupt() {
        boolean pending = machine.apic.hasPending();
        if (pending) {
            assertThat(machine.apic.acknowledge()).isEqualTo(VECTOR);
            machine.write(0xB0, 0);
        }
        return pending;
    }

    private void start(int entry, int divide, long count) {
        machine.write(LVT, entry);
        machine.write(DIVIDE, divide);
        machine.write(INITIAL, count);
    }

    @Test
    void oneShotInterruptsOnceAndStaysAtZero() {
        start(VECTOR, BY_1, 1000);
        machine.pass(999);
        assertThat(machine.read(CURRENT)).isEqualTo(1);
        assertThat(takesInterrupt()).isFalse();
        machine.pass(1);
        assertThat(takesInterrupt()).isTrue();
        assertThat(machine.read(CURRENT)).isZero();
        assertThat(machine.read(INITIAL)).isEqualTo(1000);
        machine.pass(10_000);
        assertThat(takesInterrupt()).isFalse();
    }

    @Test
    void periodicStartsAgainByItself() {
        start(VECTOR | PERIODIC, BY_1, 1000);
        for (int period = 0; period < 5; period++) {
            machine.pass(999);
            assertThat(takesInterrupt()).isFalse();
            machine.pass(1);
            assertThat(takesInterrupt()).isTrue();
        }
        machine.pass(250);
        assertThat(machine.read(CURRENT)).isEqualTo(750);
        machine.write(INITIAL, 0);
        machine.pass(10_000);
        assertThat(takesInterrupt()).isFalse();
        assertThat(machine.read(CURRENT)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"0,2", "1,4", "2,8", "3,16", "8,32", "9,64", "10,128", "11,1"})
    void theDivideConfigurationIsAPowerOfTwo(int configuration, int divisor) {
        start(VECTOR, configuration, 100);
        assertThat(machine.read(DIVIDE)).isEqualTo(configuration);
        machine.pass(10L * divisor);
        assertThat(machine.read(CURRENT)).isEqualTo(90);
        machine.pass(90L * divisor - 1);
        assertThat(takesInterrupt()).isFalse();
        machine.pass(1);
        assertThat(takesInterrupt()).isTrue();
    }

    @Test
    void aNewDivideConfigurationAppliesToTheRest() {
        start(VECTOR, BY_1, 100);
        machine.pass(40);
        machine.write(DIVIDE, 0);
        assertThat(machine.read(CURRENT)).isEqualTo(60);
        machine.pass(119);
        assertThat(takesInterrupt()).isFalse();
        machine.pass(1);
        assertThat(takesInterrupt()).isTrue();
    }

    @Test
    void anExpiryWhileMaskedIsLostAndThePeriodGoesOn() {
        start(VECTOR | PERIODIC | MASKED, BY_1, 1000);
        machine.pass(2500);
        assertThat(machine.read(CURRENT)).isEqualTo(500);
        machine.write(LVT, VECTOR | PERIODIC);
        assertThat(takesInterrupt()).isFalse();
        machine.pass(500);
        assertThat(takesInterrupt()).isTrue();
    }

    @Test
    void aChangeBetweenOneShotAndPeriodicLeavesTheCountAlone() {
        start(VECTOR, BY_1, 1000);
        machine.pass(400);
        machine.write(LVT, VECTOR | PERIODIC);
        assertThat(machine.read(CURRENT)).isEqualTo(600);
        machine.pass(700);
        assertThat(machine.read(CURRENT)).isEqualTo(900);
        machine.write(LVT, VECTOR);
        machine.pass(900);
        assertThat(machine.read(CURRENT)).isZero();
        machine.write(LVT, VECTOR | PERIODIC);
        assertThat(machine.read(CURRENT)).as("an expired timer stays expired").isZero();
    }

    @Test
    void aDeadlineInterruptsWhenTheTimeStampReachesIt() {
        machine.timeStampOffset = 5000;
        machine.write(LVT, VECTOR | DEADLINE);
        machine.wrmsr(Msr.TSC_DEADLINE, 6000);
        machine.pass(999);
        assertThat(takesInterrupt()).isFalse();
        assertThat(machine.rdmsr(Msr.TSC_DEADLINE)).hasValue(6000);
        machine.pass(1);
        assertThat(takesInterrupt()).isTrue();
        assertThat(machine.rdmsr(Msr.TSC_DEADLINE)).hasValue(0);
    }

    @Test
    void aDeadlineThatIsPastInterruptsAtOnce() {
        machine.pass(100);
        machine.write(LVT, VECTOR | DEADLINE);
        machine.wrmsr(Msr.TSC_DEADLINE, 100);
        assertThat(takesInterrupt()).isTrue();
        machine.wrmsr(Msr.TSC_DEADLINE, 1L << 63);
        machine.pass(1_000_000);
        assertThat(takesInterrupt()).as("far away, unsigned").isFalse();
    }

    @Test
    void aWriteOfTheTimeStampMovesTheDeadline() {
        machine.write(LVT, VECTOR | DEADLINE);
        machine.wrmsr(Msr.TSC_DEADLINE, 1000);
        machine.timeStampOffset = 900;
        machine.apic.timeStampChanged();
        machine.pass(99);
        assertThat(takesInterrupt()).isFalse();
        machine.pass(1);
        assertThat(takesInterrupt()).isTrue();
    }

    @Test
    void theModesExcludeEachOther() {
        machine.wrmsr(Msr.TSC_DEADLINE, 1000);
        assertThat(machine.rdmsr(Msr.TSC_DEADLINE)).as("in one-shot mode").hasValue(0);
        start(VECTOR, BY_1, 1000);
        machine.write(LVT, VECTOR | DEADLINE);
        assertThat(machine.read(CURRENT)).isZero();
        machine.write(INITIAL, 500);
        machine.pass(5000);
        assertThat(takesInterrupt()).isFalse();
        machine.wrmsr(Msr.TSC_DEADLINE, 9000);
        machine.write(LVT, VECTOR);
        machine.pass(9000);
        assertThat(takesInterrupt()).isFalse();
    }
}
