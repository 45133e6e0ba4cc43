package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.GDT;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.IDT;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.STACK_TOP;
import static io.umbra.processor.TestMachine.TASK;
import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.Intercepts;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The PDPTE registers of a guest whose tables the hypervisor shadows: who loads them, when, and what a bad one brings about. */
class PointerRegisterTest {
    private static final long OLD_CR3 = 0x12_3000, NEW_CR3 = 0x45_6020;
    private static final long[] OLD = {0x1001, 0x2001, 0x3001, 0};
    private static final long[] FOUND = {0x7001, 0, 0x8001, 0x9001};
    private static final long TASK_2 = DATA;

    private final TestMachine machine = TestMachine.shadow();
    private final VcpuState state = machine.state;
    private final Hypervisor hypervisor = new Hypervisor();

    /** Answers as it is told, and remembers what it was asked. */
    private final class Hypervisor implements FaultHandler {
        private boolean good = true;
        private final List<Long> asked = new ArrayList<>();
        private final List<String> roots = new ArrayList<>();
        private HardwarePaging afterSwitch = new HardwarePaging.Shadow(machine.root << 12, false, false);

        @Override
        public boolean pageFault(long linear, int code) {
            return false;
        }

        @Override
        public boolean nestedFault(long guestPhysical, int access, long linear) {
            return false;
        }

        @Override
        public boolean readPdptes(long cr3, long[] target) {
            asked.add(cr3);
            if (good) {
                System.arraycopy(FOUND, 0, target, 0, 4);
            }
            return good;
        }

        @Override
        public void taskRootLoaded(long old) {
            roots.add("%x to %x".formatted(old, state.cr3));
            machine.processor.load(afterSwitch);
        }
    }

    @BeforeEach
    void paeGuest() {
        machine.processor.faultHandler(hypervisor);
        state.efer = 0;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_SIZE_EXTENSIONS;
        state.cr3 = OLD_CR3;
        System.arraycopy(OLD, 0, state.pdpte, 0, 4);
        state.segments[CS].set(TestMachine.KERNEL_CODE_32, 0, 0xFFFF_FFFFL, 0xC9B);
        for (int i : new int[] {VcpuState.SS, VcpuState.DS, VcpuState.ES}) {
            state.segments[i].set(TestMachine.KERNEL_DATA, 0, 0xFFFF_FFFFL, 0xC93);
        }
        long target = HANDLERS;
        long gate = target & 0xFFFF | (long) TestMachine.KERNEL_CODE_32 << 16 | 0x8EL << 40 | target >>> 16 << 48;
        machine.poke(IDT + 8 * Vector.GENERAL_PROTECTION, 8, gate);
        machine.code(HANDLERS, "F4");
    }

    private void expectRefused() {
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(HANDLERS + 1);
        assertThat(machine.peek(STACK_TOP - 16, 4)).as("error code").isZero();
        assertThat(machine.peek(STACK_TOP - 12, 4)).as("RIP").isEqualTo(CODE);
        assertThat(state.pdpte).isEqualTo(OLD);
    }

    /** MOV to CR3; to CR0 (CD, NW, PG), to CR4 (PSE, PGE, PAE, SMEP). */
    @ParameterizedTest
    @CsvSource({
        "3, 0, 0x456020, 0x456020",
        "0, 0, 0xC0010031, 0x123000",
        "0, 0, 0xE0010031, 0x123000",
        "0, 0x80000000, 0x80010031, 0x123000",
        "4, 0, 0x20, 0x123000",
        "4, 0, 0xB0, 0x123000",
        "4, 0, 0x100030, 0x123000",
        "4, 0x20, 0x30, 0x123000"
    })
    void loadsOfControlRegistersAskTheHypervisor(int register, String clear, String value, String asked) {
        long was = Long.decode(clear);
        if (register == 0) {
            state.cr0 &= ~was;
        } else {
            state.cr4 &= ~was;
        }
        long cr0 = state.cr0;
        long cr4 = state.cr4;
        machine.code(CODE, "0F22%02X".formatted(0xC0 | register << 3));
        state.gpr[RAX] = Long.decode(value);

        hypervisor.good = false;
        expectRefused();
        assertThat(state.cr0).isEqualTo(cr0);
        assertThat(state.cr3).isEqualTo(OLD_CR3);
        assertThat(state.cr4).isEqualTo(cr4);
        assertThat(hypervisor.asked).containsExactly(Long.decode(asked));

        hypervisor.good = true;
        state.rip = CODE;
        state.gpr[RSP] = STACK_TOP;
        long old = register == 0 ? cr0 : register == 3 ? OLD_CR3 : cr4;
        assertThat(machine.run()).isEqualTo(new Exit.ControlRegister(register, old));
        assertThat(state.pdpte).isEqualTo(FOUND);
        assertThat(register == 0 ? state.cr0 : register == 3 ? state.cr3 : state.cr4)
                .isEqualTo(Long.decode(value));
    }

    /** What does not begin or change PAE paging leaves the registers alone. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0x80010039", // TS
        "0, 0, 0x80000031", // WP
        "0, 0, 0x00010031", // paging off
        "3, 0x80000000, 0x456020", // CR3 without paging
        "4, 0, 0x234", // TSD, OSFXSR
        "4, 0, 0x10" // PAE off
    })
    void otherLoadsDoNot(int register, String clear, String value) {
        hypervisor.good = false;
        state.cr0 &= ~Long.decode(clear);
        machine.code(CODE, "0F22%02X".formatted(0xC0 | register << 3));
        state.gpr[RAX] = Long.decode(value);
        assertThat(machine.run()).isInstanceOf(Exit.ControlRegister.class);
        assertThat(hypervisor.asked).isEmpty();
        assertThat(state.pdpte).isEqualTo(OLD);
    }

    @Test
    void inLongModeThereAreNone() {
        try (TestMachine wide = TestMachine.shadow()) {
            wide.processor.faultHandler(hypervisor);
            wide.code(CODE, "0F22D8");
            wide.state.gpr[RAX] = 0x1000;
            assertThat(wide.run()).isInstanceOf(Exit.ControlRegister.class);
            assertThat(hypervisor.asked).isEmpty();
        }
    }

    @Test
    void aP2mLetsTheProcessorReadThemItself() {
        try (TestMachine nested = TestMachine.nested()) {
            nested.processor.faultHandler(hypervisor);
            PageWalker walker = new PageWalker(nested.state, nested.memory);
            walker.load(new HardwarePaging.Nested(4096 - 64 << 12));
            nested.memory.writeLong(nested.mfn(0x200) << 12, 0x20_1001);
            assertThat(walker.readPdptes(0x20_0000, nested.state.pdpte)).isEqualTo(PageWalker.Outcome.MAPPED);
            assertThat(nested.state.pdpte[0]).isEqualTo(0x20_1001);
            assertThat(hypervisor.asked).isEmpty();
        }
    }

    // ---- task switches
    // ------------------------------------------------------------------------------------------------------

    private void tasks(long cr3) {
        machine.poke(GDT + TestMachine.TSS, 8, 0x0000_8B10_2000_0067L);
        machine.poke(GDT + 0x48, 8, 0x0000_8950_0000_0067L);
        state.tr.set(TestMachine.TSS, TASK, 0x67, 0x8B);
        machine.poke(TASK_2 + 0x1C, 4, cr3);
        machine.poke(TASK_2 + 0x20, 4, HANDLERS + 0x100);
        machine.poke(TASK_2 + 0x24, 4, 2);
        machine.poke(TASK_2 + 0x38, 4, STACK_TOP - 0x100);
        for (int i = 0; i < 6; i++) {
            machine.poke(TASK_2 + 0x48 + 4L * i, 4, i == 1 ? TestMachine.KERNEL_CODE_32 : TestMachine.KERNEL_DATA);
        }
        machine.code(HANDLERS + 0x100, "40 F4"); // inc eax
        machine.code(CODE, "EA 00000000 4800");
    }

    @Test
    void aTaskWhosePointersAreBadIsNotSwitchedTo() {
        tasks(NEW_CR3);
        hypervisor.good = false;
        expectRefused();
        assertThat(state.cr3).isEqualTo(OLD_CR3);
        assertThat(state.tr.selector).isEqualTo(TestMachine.TSS);
        assertThat(machine.peek(GDT + 0x48 + 5, 1)).isEqualTo(0x89);
        assertThat(machine.peek(TASK + 0x20, 4)).isZero();
        assertThat(hypervisor.asked).containsExactly(NEW_CR3);
        assertThat(hypervisor.roots).isEmpty();
    }

    @Test
    void aTaskWithAnotherCr3LoadsThemAndTellsTheHypervisorAtOnce() {
        tasks(NEW_CR3);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(HANDLERS + 0x102);
        assertThat(state.gpr[RAX]).isOne();
        assertThat(state.cr3).isEqualTo(NEW_CR3);
        assertThat(state.pdpte).isEqualTo(FOUND);
        assertThat(hypervisor.asked).containsExactly(NEW_CR3);
        assertThat(hypervisor.roots).containsExactly("123000 to 456020");
    }

    @Test
    void aTaskWithTheSameCr3KeepsThem() {
        tasks(OLD_CR3);
        hypervisor.good = false;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.pdpte).isEqualTo(OLD);
        assertThat(hypervisor.asked).isEmpty();
        assertThat(hypervisor.roots).isEmpty();
    }

    @Test
    void theNewTasksSegmentsAreReadThroughTheNewTables() {
        tasks(NEW_CR3);
        long root = otherSpace();
        hypervisor.afterSwitch = new HardwarePaging.Shadow(root << 12, false, false);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.segments[VcpuState.DS].base).isEqualTo(0x77_0000);
    }

    /** The same memory, but a GDT of its own, in which the data segment of the task has another base. */
    private long otherSpace() {
        long[] tables = new long[4];
        for (int level = 4; level >= 1; level--) {
            tables[level - 1] = machine.newFrame();
            long from = machine.entry(GDT, level) & -4096L;
            machine.memory.copyFrame(from >>> 12, tables[level - 1]);
        }
        for (int level = 4; level > 1; level--) {
            long place = (tables[level - 1] << 12) + 8L * LongModeEntry.index(GDT, level);
            machine.memory.writeLong(place, LongModeEntry.of(tables[level - 2], RW));
        }
        long table = machine.newFrame();
        machine.memory.copyFrame(machine.machineAddress(GDT) >>> 12, table);
        machine.memory.writeLong((table << 12) + TestMachine.KERNEL_DATA, 0x00CF_9377_0000_FFFFL);
        machine.memory.writeLong((tables[0] << 12) + 8L * LongModeEntry.index(GDT, 1), LongModeEntry.of(table, RW));
        return tables[3];
    }

    @Test
    void anInterruptTaskIsToldAsWell() {
        tasks(NEW_CR3);
        machine.poke(IDT + 8 * 0x40, 8, 0x0000_E500_0048_0000L);
        machine.code(CODE, "CD40");
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(HANDLERS + 0x102);
        assertThat(hypervisor.roots).containsExactly("123000 to 456020");
    }

    @Test
    void nobodyIsToldWhereCr3IsNotIntercepted() {
        tasks(NEW_CR3);
        machine.processor.intercept(Intercepts.NESTED);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.cr3).isEqualTo(NEW_CR3);
        assertThat(hypervisor.roots).isEmpty();
    }
}
