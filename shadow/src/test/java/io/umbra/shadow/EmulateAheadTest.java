package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PagingMode;
import io.umbra.x86.RFlags;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A PAE guest writes an 8-byte entry in two halves, with an instruction between them: one fault is enough for both. */
class EmulateAheadTest {
    private static final long PAGE = 0x20_0000;
    private static final long WINDOW = 0x10_0000;

    private SmallGuest guest = new SmallGuest(PagingMode.PAE);
    private int executed;
    private int failsAt = Integer.MAX_VALUE;

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private void use(SmallGuest other) {
        guest.close();
        guest = other;
    }

    /** The instructions from the first half of entry 1 on. */
    private Emulation next(LinearMemory port) {
        if (executed == failsAt) {
            return Emulation.Failed.UNHANDLEABLE;
        }
        switch (executed++) {
            case 0 -> port.write(WINDOW + 12, 4, 0, 0);
            case 2 -> port.write(WINDOW + 8, 4, LongModeEntry.of(31, KERNEL), 0);
            default -> {}
        }
        return Emulation.Done.COMPLETE;
    }

    /** Faults at the first half and has it emulated. @return the result */
    private Emulation emulate(long budget) {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(WINDOW, table, KERNEL);
        guest.touch(PAGE, READ);
        guest.instructions = this::next;
        assertThat(guest.touch(WINDOW + 12, WRITE)).isEqualTo(Emulate.PAGETABLE);
        return guest.engine.emulate(0, Emulate.PAGETABLE, budget);
    }

    @Test
    void bothHalvesCostOneFault() {
        assertThat(emulate(100)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(executed).isEqualTo(3);
        assertThat(guest.count(Counter.EMULATE_AHEAD)).isEqualTo(2);
        guest.touch(PAGE + 0x1000, READ);
        assertThat(guest.hardware.translate(PAGE + 0x1000, READ) >>> 12).isEqualTo(guest.mfn(31));
    }

    @Test
    void whatIsDueEarlierIsNotOverrun() {
        emulate(2);
        assertThat(executed).isEqualTo(2);
    }

    @Test
    void anInstructionThatCannotBeEmulatedEndsItWithoutHarm() {
        failsAt = 1;
        assertThat(emulate(100)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(executed).isEqualTo(1);
    }

    @Test
    void aGuestThatSingleStepsGetsItsStep() {
        guest.state.rflags |= RFlags.TRAP;
        emulate(100);
        assertThat(executed).isEqualTo(1);
    }

    @Test
    void switchedOffEachHalfFaults() {
        use(new SmallGuest(PagingMode.PAE, SmallGuest.POLICY.with(PolicyOption.EMULATE_AHEAD, "0")));
        emulate(100);
        assertThat(executed).isEqualTo(1);
    }

    @Test
    void otherModesHaveNoHalves() {
        use(new SmallGuest(PagingMode.FOUR_LEVEL));
        emulate(100);
        assertThat(executed).isEqualTo(1);
    }
}
