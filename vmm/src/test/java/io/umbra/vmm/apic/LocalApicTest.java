package io.umbra.vmm.apic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LocalApicTest {
    private static final int TPR = 0x80;
    private static final int PPR = 0xA0;
    private static final int EOI = 0xB0;
    private static final int LDR = 0xD0;
    private static final int DFR = 0xE0;
    private static final int SVR = 0xF0;
    private static final int ISR = 0x100;
    private static final int TMR = 0x180;
    private static final int IRR = 0x200;
    private static final int ESR = 0x280;
    private static final int ICR = 0x300;
    private static final int ICR_HIGH = 0x310;
    private static final int LVT_TIMER = 0x320;
    private static final int LVT_LINT0 = 0x350;
    private static final int LVT_LINT1 = 0x360;
    private static final int LVT_ERROR = 0x370;

    private final ApicMachine machine = new ApicMachine();
    private final LocalApic apic = machine.apic;

    @Test
    void startsInVirtualWireModeAsFirmwareLeavesIt() {
        assertThat(machine.read(0x20)).isZero();
        assertThat(machine.read(0x30)).isEqualTo(0x5_0014);
        assertThat(machine.read(SVR)).isEqualTo(0x1FF);
        assertThat(machine.read(LVT_LINT0)).isEqualTo(0x700);
        assertThat(machine.read(LVT_LINT1)).isEqualTo(0x400);
        assertThat(machine.read(LVT_TIMER)).isEqualTo(0x1_0000);
        assertThat(machine.read(DFR)).isEqualTo(0xFFFF_FFFFL);
        assertThat(apic.passesExternal()).isTrue();
        machine.write(LVT_LINT0, 0x1_0700);
        assertThat(apic.passesExternal()).isFalse();
    }

    @Test
    void anInterruptGoesFromRequestToServiceToItsEnd() {
        machine.selfInterrupt(0x51);
        assertThat(machine.read(IRR + 0x20)).isEqualTo(1 << 0x11);
        assertThat(apic.hasPending()).isTrue();
        assertThat(apic.acknowledge()).isEqualTo(0x51);
        assertThat(machine.read(IRR + 0x20)).isZero();
        assertThat(machine.read(ISR + 0x20)).isEqualTo(1 << 0x11);
        machine.write(EOI, 0);
        assertThat(machine.read(ISR + 0x20)).isZero();
        assertThat(machine.ended).isEmpty();
    }

    @Test
    void onlyAHigherClassThanTheProcessorsPriorityIsDeliverable() {
        machine.selfInterrupt(0x51);
        apic.acknowledge();
        machine.selfInterrupt(0x5F);
        assertThat(apic.hasPending()).as("the same class").isFalse();
        machine.selfInterrupt(0x61);
        assertThat(apic.acknowledge()).as("a higher class").isEqualTo(0x61);
        assertThat(machine.read(PPR)).isEqualTo(0x60);
        machine.write(EOI, 0);
        assertThat(machine.read(PPR)).isEqualTo(0x50);
        assertThat(apic.hasPending()).isFalse();
        machine.write(EOI, 0);
        assertThat(apic.acknowledge()).isEqualTo(0x5F);
    }

    @Test
    void withoutADeliverableInterruptTheSpuriousVectorIsGiven() {
        machine.write(SVR, 0x1EF);
        machine.selfInterrupt(0x40);
        machine.write(TPR, 0x40);
        assertThat(apic.acknowledge()).isEqualTo(0xEF);
        assertThat(machine.read(ISR + 0x20)).isZero();
        assertThat(machine.read(IRR + 0x20)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0x35,0x51,0x50", "0x51,0x51,0x51", "0x63,0x51,0x63", "0x0f,0,0x0f"})
    void theProcessorsPriorityIsTheGreaterOfTaskAndService(String task, String serving, String expected) {
        int vector = Integer.decode(serving);
        if (vector != 0) {
            machine.selfInterrupt(vector);
            apic.acknowledge();
        }
        machine.write(TPR, Integer.decode(task));
        assertThat(machine.read(PPR)).isEqualTo(Long.decode(expected));
    }

    @Test
    void taskPriorityAndControlRegister8AreOne() {
        machine.write(TPR, 0x95);
        assertThat(machine.controlRegister8).isEqualTo(9);
        apic.controlRegister8Written(3);
        assertThat(machine.read(TPR)).isEqualTo(0x30);
        machine.selfInterrupt(0x3F);
        assertThat(apic.hasPending()).isFalse();
        apic.controlRegister8Written(2);
        assertThat(apic.hasPending()).isTrue();
    }

    @Test
    void theEndOfALevelTriggeredInterruptIsPassedOn() {
        apic.deliver(new InterruptMessage(0x71, DeliveryMode.FIXED, true, false, 0));
        assertThat(machine.read(TMR + 0x30)).isEqualTo(1 << 0x11);
        apic.acknowledge();
        machine.write(EOI, 0);
        assertThat(machine.ended).containsExactly(0x71);
        apic.deliver(new InterruptMessage(0x71, DeliveryMode.FIXED, false, false, 0));
        assertThat(machine.read(TMR + 0x30)).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "0x00000040, 0x00000000, true", // physical, its own ID
        "0x00000040, 0x01000000, false",
        "0x00000040, 0xff000000, true", // physical, everybody
        "0x00040040, 0x05000000, true", // to itself
        "0x00080040, 0x00000000, true", // to all with itself
        "0x000c0040, 0x00000000, false", // to all but itself
        "0x00000140, 0x00000000, true", // lowest priority
        "0x00000840, 0x02000000, true", // logical, flat: LDR is 0x32
        "0x00000840, 0x04000000, false",
        "0x00000840, 0xff000000, true"
    })
    void anInterruptCommandReachesWhomItNames(String low, String high, boolean reaches) {
        machine.write(LDR, 0x3200_0000);
        machine.write(ICR_HIGH, Long.decode(high));
        machine.write(ICR, Long.decode(low));
        assertThat(apic.hasPending()).isEqualTo(reaches);
        assertThat(machine.read(ICR)).isEqualTo(Long.decode(low));
        assertThat(machine.read(ICR_HIGH)).isEqualTo(Long.decode(high));
    }

    @ParameterizedTest
    @CsvSource({"0x32,true", "0x31,false", "0x22,false", "0xf2,true", "0xf4,false", "0xff,true"})
    void inTheClusterModelADestinationIsAClusterAndItsMembers(String destination, boolean reaches) {
        machine.write(DFR, 0x0FFF_FFFF);
        machine.write(LDR, 0x3200_0000);
        machine.write(ICR_HIGH, Long.decode(destination) << 24);
        machine.write(ICR, 0x840);
        assertThat(apic.hasPending()).isEqualTo(reaches);
    }

    @Test
    void anNmiIsNoVectorAndIgnoresPriorities() {
        machine.write(TPR, 0xFF);
        machine.write(ICR_HIGH, 0);
        machine.write(ICR, 0x4400);
        assertThat(apic.hasNmi()).isTrue();
        assertThat(apic.hasPending()).isFalse();
        apic.acknowledgeNmi();
        assertThat(apic.hasNmi()).isFalse();
    }

    @Test
    void initResetsButItsDeassertionAndStartupDoNothing() {
        machine.write(ICR, 0x8500);
        machine.write(ICR, 0x4608);
        assertThat(machine.resets).isZero();
        machine.write(ICR, 0xC500);
        assertThat(machine.resets).isEqualTo(1);
        machine.write(ICR_HIGH, 0x0100_0000);
        machine.write(ICR, 0xC500);
        assertThat(machine.resets).isEqualTo(1);
    }

    @Test
    void disabledBySoftwareItMasksItsTableAndTakesNoMessages() {
        machine.write(LVT_ERROR, 0x40);
        machine.selfInterrupt(0x50);
        machine.write(SVR, 0xFF);
        assertThat(machine.read(LVT_ERROR)).isEqualTo(0x1_0040);
        machine.write(LVT_ERROR, 0x41);
        assertThat(machine.read(LVT_ERROR)).as("the mask stays").isEqualTo(0x1_0041);
        assertThat(apic.deliver(new InterruptMessage(0x60, DeliveryMode.FIXED, false, false, 0)))
                .isFalse();
        assertThat(apic.acknowledge()).as("what was requested before").isEqualTo(0x50);
        machine.write(ICR, 0x400);
        assertThat(apic.hasNmi()).isTrue();
    }

    @Test
    void errorsAreSeenAfterAWriteAndInterruptOnce() {
        machine.write(LVT_ERROR, 0xFE);
        assertThat(machine.read(0x40)).isZero();
        assertThat(machine.read(ESR)).isZero();
        assertThat(apic.acknowledge()).isEqualTo(0xFE);
        machine.write(EOI, 0);
        machine.selfInterrupt(0x0F);
        assertThat(apic.hasPending()).as("until the next write").isFalse();
        machine.write(ESR, 0);
        assertThat(machine.read(ESR)).isEqualTo(0xE0);
        machine.write(ESR, 0);
        assertThat(machine.read(ESR)).isZero();
        machine.write(0x3F0, 1);
        assertThat(apic.hasPending()).isTrue();
    }

    @Test
    void aPinInFixedModeFollowsEdgesOrTheLevel() {
        machine.write(LVT_LINT0, 0x60);
        apic.driveLint0(true);
        assertThat(apic.acknowledge()).isEqualTo(0x60);
        machine.write(EOI, 0);
        assertThat(apic.hasPending()).isFalse();
        apic.driveLint0(false);
        machine.write(LVT_LINT0, 0x8060);
        apic.driveLint0(true);
        assertThat(machine.read(LVT_LINT0)).as("remote IRR").isEqualTo(0xC060);
        assertThat(apic.acknowledge()).isEqualTo(0x60);
        machine.write(EOI, 0);
        assertThat(apic.acknowledge()).as("the level is still there").isEqualTo(0x60);
        apic.driveLint0(false);
        machine.write(EOI, 0);
        assertThat(machine.read(LVT_LINT0)).isEqualTo(0x8060);
        assertThat(apic.hasPending()).isFalse();
    }

    @Test
    void aPinInNmiModeMakesNmis() {
        machine.write(LVT_LINT0, 0x400);
        assertThat(apic.passesNmi()).isTrue();
        apic.driveLint0(true);
        assertThat(apic.hasNmi()).isTrue();
    }

    @Test
    void narrowReadsArePartsAndNarrowWritesNothing() {
        assertThat(machine.bus.read(0xFEE0_0030L, 1)).isEqualTo(0x14);
        assertThat(machine.bus.read(0xFEE0_0032L, 2)).isEqualTo(5);
        assertThat(machine.bus.read(0xFEE0_0034L, 4)).isZero();
        assertThat(machine.bus.read(0xFEE0_0030L, 8)).isEqualTo(0x5_0014);
        machine.bus.write(0xFEE0_0080L, 1, 0x20);
        assertThat(machine.read(TPR)).isZero();
    }
}
