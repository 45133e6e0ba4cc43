package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class InterruptController8259Test {
    private final PortBus bus = new PortBus();
    private final InterruptController8259 controller = new InterruptController8259(asserted -> {});

    @BeforeEach
    void initialiseAsAPcDoes() {
        controller.attach(bus);
        initialise(0x01, 0x01);
    }

    private void initialise(int masterIcw4, int slaveIcw4) {
        out(0x20, 0x11, 0x21, 0x30, 0x21, 0x04, 0x21, masterIcw4);
        out(0xa0, 0x11, 0xa1, 0x38, 0xa1, 0x02, 0xa1, slaveIcw4);
    }

    private void out(int... portsAndValues) {
        for (int at = 0; at < portsAndValues.length; at += 2) {
            bus.write(portsAndValues[at], 1, portsAndValues[at + 1]);
        }
    }

    private int in(int port) {
        return (int) bus.read(port, 1);
    }

    private int inService(int port) {
        out(port, 0x0b);
        return in(port);
    }

    private int requests(int port) {
        out(port, 0x0a);
        return in(port);
    }

    private void raise(int... irqs) {
        for (int irq : irqs) {
            controller.line(irq).set(true);
        }
    }

    private void pulse(int irq) {
        controller.line(irq).set(false);
        controller.line(irq).set(true);
    }

    @Test
    void aRequestIsAcknowledgedWithItsVectorAndBlocksLowerOnesUntilItsEnd() {
        raise(4, 3);
        assertThat(controller.hasPending()).isTrue();
        assertThat(controller.acknowledge()).isEqualTo(0x33);
        assertThat(inService(0x20)).isEqualTo(0x08);
        assertThat(requests(0x20)).isEqualTo(0x10);
        assertThat(controller.hasPending()).as("4 is of lower priority").isFalse();
        raise(1);
        assertThat(controller.acknowledge()).as("1 nests").isEqualTo(0x31);
        out(0x20, 0x20);
        assertThat(inService(0x20)).as("the non-specific end takes the highest").isEqualTo(0x08);
        out(0x20, 0x63);
        assertThat(controller.acknowledge()).isEqualTo(0x34);
    }

    @Test
    void aSlaveRequestGoesThroughTheCascade() {
        raise(12);
        assertThat(controller.acknowledge()).isEqualTo(0x3c);
        assertThat(inService(0x20)).isEqualTo(0x04);
        assertThat(inService(0xa0)).isEqualTo(0x10);
        raise(8);
        assertThat(controller.hasPending())
                .as("without special full nesting the master holds its slave back")
                .isFalse();
        out(0x20, 0x62);
        assertThat(controller.acknowledge()).isEqualTo(0x38);
    }

    @Test
    void specialFullNestingLetsAHigherSlaveRequestThroughButNoLowerMasterOne() {
        initialise(0x11, 0x01);
        raise(12);
        assertThat(controller.acknowledge()).isEqualTo(0x3c);
        raise(3);
        assertThat(controller.hasPending()).isFalse();
        raise(9);
        assertThat(controller.acknowledge()).isEqualTo(0x39);
    }

    @Test
    void theMaskReadsBackAndHoldsRequests() {
        out(0x21, 0xfb);
        assertThat(in(0x21)).isEqualTo(0xfb);
        raise(0);
        assertThat(controller.hasPending()).isFalse();
        out(0x21, 0xfa);
        assertThat(controller.acknowledge()).isEqualTo(0x30);
    }

    @Test
    void anEdgeRequestsOnceAndALevelAsLongAsItLasts() {
        raise(5, 10);
        controller.acknowledge();
        out(0xa0, 0x62, 0x20, 0x62);
        controller.acknowledge();
        out(0x20, 0x65);
        assertThat(controller.hasPending()).as("edges").isFalse();

        out(0x4d0, 0xff, 0x4d1, 0xff);
        assertThat(in(0x4d0)).isEqualTo(0xf8);
        assertThat(in(0x4d1)).isEqualTo(0xde);
        assertThat(controller.acknowledge()).isEqualTo(0x3a);
        out(0xa0, 0x62, 0x20, 0x62);
        assertThat(controller.acknowledge()).as("the level still stands").isEqualTo(0x3a);
        controller.line(10).set(false);
        out(0xa0, 0x62, 0x20, 0x62);
        assertThat(controller.acknowledge()).isEqualTo(0x35);
    }

    @Test
    void levelModeOfTheFirstInitialisationWordTakesAllInputs() {
        out(0x20, 0x19, 0x21, 0x30, 0x21, 0x04, 0x21, 0x01);
        raise(0);
        controller.acknowledge();
        out(0x20, 0x20);
        assertThat(controller.hasPending()).isTrue();
    }

    @Test
    void aRequestThatGoesBeforeTheAcknowledgeIsSpurious() {
        raise(4);
        controller.line(4).set(false);
        assertThat(controller.hasPending()).isFalse();
        assertThat(controller.acknowledge()).isEqualTo(0x37);
        assertThat(inService(0x20)).isZero();
    }

    @Test
    void aPollOfTheSlaveWithdrawsItsRequestFromTheMaster() {
        out(0x20, 0x19, 0x21, 0x30, 0x21, 0x04, 0x21, 0x01);
        raise(9);
        out(0xa0, 0x0c);
        assertThat(in(0xa0)).as("poll takes the request").isEqualTo(0x81);
        assertThat(controller.hasPending()).isFalse();
        assertThat(inService(0xa0)).isEqualTo(0x02);
    }

    @Test
    void automaticEndLeavesNothingInServiceAndKeepsTheNextRequest() {
        initialise(0x03, 0x03);
        raise(3, 4, 11, 12);
        int[] vectors = {controller.acknowledge(), controller.acknowledge(), controller.acknowledge()};
        assertThat(vectors).containsExactly(0x3b, 0x3c, 0x33);
        assertThat(inService(0x20)).isZero();
        assertThat(controller.acknowledge()).isEqualTo(0x34);
        assertThat(controller.hasPending()).isFalse();
    }

    @Test
    void rotationOnAutomaticEndServesInTurn() {
        initialise(0x03, 0x01);
        out(0x20, 0x80);
        raise(0, 1);
        assertThat(controller.acknowledge()).isEqualTo(0x30);
        pulse(0);
        assertThat(controller.acknowledge()).as("0 is now the lowest").isEqualTo(0x31);
        assertThat(controller.acknowledge()).isEqualTo(0x30);
        out(0x20, 0x00);
    }

    @Test
    void rotationOnEndAndSetPriorityMoveTheLowestInput() {
        raise(4);
        controller.acknowledge();
        out(0x20, 0xa0);
        raise(5);
        pulse(4);
        assertThat(controller.acknowledge()).as("4 rotated to the end").isEqualTo(0x35);
        out(0x20, 0xe0 | 5);
        assertThat(inService(0x20)).as("the specific rotating end").isZero();
        out(0x20, 0xc0 | 3);
        pulse(3);
        assertThat(controller.acknowledge()).as("4 comes first after 3").isEqualTo(0x34);
    }

    @Test
    void specialMaskModeOpensLowerRequestsBehindAMaskedOneInService() {
        raise(2 + 1);
        controller.acknowledge();
        raise(6);
        assertThat(controller.hasPending()).isFalse();
        out(0x21, 0x08, 0x20, 0x68);
        assertThat(controller.acknowledge()).isEqualTo(0x36);
        out(0x20, 0x20);
        assertThat(inService(0x20))
                .as("the non-specific end passes the masked one by")
                .isEqualTo(0x08);
        raise(7);
        out(0x20, 0x48);
        assertThat(controller.hasPending()).as("special mask off").isFalse();
    }

    @Test
    void pollAcknowledgesWithoutTheProcessor() {
        out(0x20, 0x0c);
        assertThat(in(0x20)).isZero();
        raise(6);
        out(0x20, 0x0c);
        assertThat(in(0x20)).isEqualTo(0x86);
        assertThat(controller.hasPending()).isFalse();
        assertThat(inService(0x20)).isEqualTo(0x40);
    }

    @Test
    void initialisationForgetsEdgesAndMasksNothing() {
        raise(3);
        out(0x21, 0xff);
        initialise(0x01, 0x01);
        assertThat(controller.hasPending()).as("a line that is already high").isFalse();
        assertThat(in(0x21)).isZero();
        pulse(3);
        assertThat(controller.hasPending()).isTrue();
    }

    @Test
    void aSingleChipSkipsTheThirdWordAndMayOmitTheFourth() {
        out(0x20, 0x12, 0x21, 0x48, 0x21, 0xfd);
        assertThat(in(0x21)).as("this was the mask").isEqualTo(0xfd);
        raise(1);
        assertThat(controller.acknowledge())
                .as("MCS-80 mode, interval of eight")
                .isEqualTo(0x08);
    }

    @Test
    void nothingIsRequestedBeforeInitialisation() {
        InterruptController8259 fresh = new InterruptController8259(asserted -> {});
        fresh.line(0).set(true);
        assertThat(fresh.hasPending()).isFalse();
    }

    @Test
    void theCascadeIsNoDevicesLine() {
        assertThatIllegalArgumentException().isThrownBy(() -> controller.line(2));
        assertThatIllegalArgumentException().isThrownBy(() -> controller.line(16));
    }
}
