package io.umbra.processor;

import static io.umbra.processor.TestMachine.GDT;
import static io.umbra.processor.TestMachine.IDT;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.RWU;
import static io.umbra.processor.TestMachine.TASK;
import static io.umbra.processor.TestMachine.USER_SPACE;
import static io.umbra.x86.PageFaultCode.IMPLICIT;
import static io.umbra.x86.PageFaultCode.PRESENT;
import static io.umbra.x86.PageFaultCode.WRITE;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the processor reads and writes itself while user code runs: supervisor accesses that EFLAGS.AC does not help. SDM vol. 3A, "Access Rights". */
class ImplicitAccessTest {
    private final TestMachine machine = TestMachine.shadow();
    private final VcpuState state = machine.state;

    @AfterEach
    void close() {
        machine.close();
    }

    @BeforeEach
    void user() {
        machine.gate(0x40, 3, 0);
        machine.userMode();
        state.star = 0;
    }

    private void smap(boolean on) {
        machine.processor.load(new HardwarePaging.Shadow(machine.root << 12, false, on));
    }

    private void rights(long linear, long flags) {
        long place = machine.entry(linear, 1);
        machine.memory.writeLong(place, LongModeEntry.of(LongModeEntry.frame(machine.memory.readLong(place)), flags));
        machine.processor.flush();
    }

    /** INT reads the gate, the code segment, and RSP0; MOV to DS reads a descriptor; IN reads the bitmap. */
    @ParameterizedTest
    @CsvSource({
        "CD40, 0x101400, 0x101000",
        "CD40, 0x100008, 0x100000",
        "CD40, 0x102004, 0x102000",
        "8ED8EBFE, 0x100018, 0x100000",
        "EC, 0x102066, 0x102000"
    })
    void theyAreRefusedByUserPagesUnderSmapWhateverAcSays(String code, String linear, String page) {
        machine.code(USER_SPACE, code);
        state.gpr[RAX] = TestMachine.USER_DATA;
        state.gpr[RDX] = 0x80;
        state.rflags |= RFlags.ALIGNMENT_CHECK;
        rights(Long.decode(page), RWU);
        smap(true);
        assertThat(machine.run()).isInstanceOfSatisfying(Exit.PageFault.class, fault -> {
            assertThat(fault.linear()).isEqualTo(Long.decode(linear));
            assertThat(fault.code()).isEqualTo(PRESENT | IMPLICIT);
        });
        smap(false);
        assertThat(machine.run()).isNotInstanceOf(Exit.PageFault.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {GDT, IDT, TASK})
    void absentOnesAreNotTheUsersFault(long page) {
        machine.code(USER_SPACE, "CD40");
        rights(page, 0);
        assertThat(machine.run()).isInstanceOfSatisfying(Exit.PageFault.class, fault -> {
            assertThat(fault.linear() & -4096L).isEqualTo(page);
            assertThat(fault.code()).isEqualTo(IMPLICIT);
        });
    }

    @Test
    void theAccessedBitOfADescriptorIsAWriteOfTheProcessors() {
        machine.poke(GDT + 0x58, 8, 0x00CF_F200_0000_FFFFL);
        machine.code(USER_SPACE, "8ED8");
        state.gpr[RAX] = 0x5B;
        rights(GDT, LongModeEntry.PRESENT);
        assertThat(machine.run()).isEqualTo(new Exit.PageFault(GDT + 0x5D, PRESENT | WRITE | IMPLICIT, null));
        rights(GDT, RW);
        machine.processor.run(1);
        assertThat(machine.peek(GDT + 0x5D, 1)).isEqualTo(0xF3);
    }
}
