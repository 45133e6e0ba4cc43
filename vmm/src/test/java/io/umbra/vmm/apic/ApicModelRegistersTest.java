package io.umbra.vmm.apic;

import static io.umbra.vmm.apic.ApicMachine.BASE;
import static io.umbra.vmm.apic.ApicMachine.ENABLED;
import static io.umbra.vmm.apic.ApicMachine.EXTENDED;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Msr;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ApicModelRegistersTest {
    private static final int X2APIC = 0x800;

    private final ApicMachine machine = new ApicMachine();

    @ParameterizedTest
    @CsvSource({
        "DISABLED,0,true", "DISABLED,0x800,true", "DISABLED,0xc00,false", "DISABLED,0x400,false",
        "XAPIC,0,true", "XAPIC,0x800,true", "XAPIC,0xc00,true", "XAPIC,0x400,false",
        "X2APIC,0,true", "X2APIC,0x800,false", "X2APIC,0xc00,true", "X2APIC,0x400,false"
    })
    void aTransitionIsLegalOrRaisesAnException(ApicMode from, String flags, boolean legal) {
        switch (from) {
            case DISABLED -> machine.base(BASE);
            case XAPIC -> {}
            case X2APIC -> machine.inX2apicMode();
        }
        OptionalLong before = machine.rdmsr(Msr.APIC_BASE);
        assertThat(machine.base(BASE | Long.decode(flags))).isEqualTo(legal);
        assertThat(machine.rdmsr(Msr.APIC_BASE)).isEqualTo(legal ? OptionalLong.of(BASE | Long.decode(flags)) : before);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 0x80, 0x200, 1L << 40, 1L << 63})
    void reservedBitsOfTheBaseRaiseAnException(long bit) {
        assertThat(machine.base(BASE | ENABLED | bit)).isFalse();
    }

    @Test
    void thePageMovesWithTheBase() {
        assertThat(machine.base(0xFED4_0000L | 0x100 | ENABLED)).isTrue();
        assertThat(machine.bus.read(0xFED4_0030L, 4)).isEqualTo(0x5_0014);
        assertThat(machine.read(0x30)).isEqualTo(0xFFFF_FFFFL);
    }

    @Test
    void disabledItForgetsEverythingAndIsNotThere() {
        machine.write(0x80, 0x30);
        machine.selfInterrupt(0x80);
        machine.base(BASE);
        assertThat(machine.read(0x30)).isEqualTo(0xFFFF_FFFFL);
        assertThat(machine.apic.hasPending()).isFalse();
        assertThat(machine.apic.passesExternal())
                .as("the 8259 is wired to the processor")
                .isTrue();
        assertThat(machine.controlRegister8).isZero();
        machine.base(BASE | ENABLED);
        assertThat(machine.read(0xF0)).isEqualTo(0xFF);
        assertThat(machine.read(0x350)).isEqualTo(0x1_0000);
        assertThat(machine.apic.passesExternal()).isFalse();
    }

    @Test
    void theRegistersOfTheX2apicExistInItsModeOnly() {
        assertThat(machine.rdmsr(X2APIC + 3)).isEmpty();
        assertThat(machine.wrmsr(X2APIC + 8, 0)).isFalse();
        machine.inX2apicMode();
        assertThat(machine.rdmsr(X2APIC + 3)).hasValue(0x5_0014);
        assertThat(machine.rdmsr(X2APIC + 2)).hasValue(0);
        assertThat(machine.rdmsr(X2APIC + 0xD)).as("logical ID").hasValue(1);
        assertThat(machine.read(0x30)).as("no page").isEqualTo(0xFFFF_FFFFL);
    }

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0x01, 0x04, 0x09, 0x0B, 0x0C, 0x0E, 0x29, 0x2F, 0x31, 0x3A, 0x3F, 0x40, 0xFF})
    void whatCannotBeReadRaisesAnException(int register) {
        assertThat(machine.inX2apicMode().rdmsr(X2APIC + register)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {0x02, 0x03, 0x0A, 0x0D, 0x0E, 0x10, 0x18, 0x20, 0x2F, 0x31, 0x39, 0x3A, 0x40})
    void whatCannotBeWrittenRaisesAnException(int register) {
        assertThat(machine.inX2apicMode().wrmsr(X2APIC + register, 0)).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "0x08,0x100",
        "0x0b,1",
        "0x0f,0x400",
        "0x28,1",
        "0x30,0x2000",
        "0x30,0x10000",
        "0x30,0x100000",
        "0x32,0x80000",
        "0x32,0x100",
        "0x35,0x20000",
        "0x35,0x800",
        "0x37,0x700",
        "0x38,0x100000000",
        "0x3e,4",
        "0x3e,0x10",
        "0x3f,0x100",
        "0x08,0x100000000"
    })
    void reservedBitsRaiseAnException(String register, String value) {
        assertThat(machine.inX2apicMode().wrmsr(X2APIC + Integer.decode(register), Long.decode(value)))
                .isFalse();
    }

    @Test
    void theCommandIsOneRegisterWithAWideDestination() {
        machine.inX2apicMode();
        assertThat(machine.wrmsr(X2APIC + 0x30, 5L << 32 | 0x41)).isTrue();
        assertThat(machine.apic.hasPending()).isFalse();
        assertThat(machine.rdmsr(X2APIC + 0x30)).hasValue(5L << 32 | 0x41);
        machine.wrmsr(X2APIC + 0x30, 0xFFFF_FFFFL << 32 | 0x41);
        assertThat(machine.apic.acknowledge()).isEqualTo(0x41);
        assertThat(machine.wrmsr(X2APIC + 0xB, 0)).isTrue();
        machine.wrmsr(X2APIC + 0x30, 3L << 32 | 0x842);
        assertThat(machine.apic.acknowledge())
                .as("logical, cluster 0, members 1 and 2")
                .isEqualTo(0x42);
        machine.wrmsr(X2APIC + 0xB, 0);
        machine.wrmsr(X2APIC + 0x30, 0x1_0001L << 32 | 0x843);
        assertThat(machine.apic.hasPending()).as("another cluster").isFalse();
    }

    @Test
    void aVectorToOneselfHasItsOwnRegister() {
        machine.inX2apicMode();
        assertThat(machine.wrmsr(X2APIC + 0x3F, 0x77)).isTrue();
        assertThat(machine.apic.acknowledge()).isEqualTo(0x77);
    }

    @Test
    void theEightBitsOfAnIoApicReachTheX2apicToo() {
        machine.inX2apicMode();
        assertThat(machine.apic.deliver(new InterruptMessage(0x50, DeliveryMode.FIXED, false, false, 0xFF)))
                .isTrue();
        assertThat(machine.apic.deliver(new InterruptMessage(0x50, DeliveryMode.FIXED, false, true, 1)))
                .isTrue();
        assertThat(machine.apic.deliver(new InterruptMessage(0x50, DeliveryMode.FIXED, false, false, 1)))
                .isFalse();
    }

    @Test
    void stateSurvivesTheChangeToTheX2apic() {
        machine.write(0x80, 0x20);
        machine.selfInterrupt(0x90);
        machine.inX2apicMode();
        assertThat(machine.rdmsr(X2APIC + 8)).hasValue(0x20);
        assertThat(machine.apic.acknowledge()).isEqualTo(0x90);
        assertThat(machine.base(BASE | ENABLED | EXTENDED)).isTrue();
        assertThat(machine.rdmsr(X2APIC + 0x14)).as("in service").hasValue(1 << 0x10);
    }
}
