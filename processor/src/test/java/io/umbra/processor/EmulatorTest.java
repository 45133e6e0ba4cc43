package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDI;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr4;
import io.umbra.x86.Event;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EmulatorTest {
    private static final long DEVICE = 0xFFFF_8000_0000_0000L;

    private final TestMachine machine = TestMachine.shadow();
    private final Port port = new Port();

    @AfterEach
    void close() {
        machine.close();
    }

    @Test
    void everyDataAccessGoesToThePortEvenWhenTheTlbHasIt() {
        machine.code(CODE, "8B03 890B 8B03 F4"); // mov eax,[rbx]; mov [rbx],ecx; mov eax,[rbx]; hlt
        machine.state.gpr[RBX] = DATA;
        machine.state.gpr[RCX] = 5;
        machine.poke(DATA, 4, 77);
        machine.run();
        machine.state.rip = CODE + 2;
        port.bytes.clear();

        machine.state.gpr[RCX] = 6;
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(port.log).containsExactly("write 500000 4 6");
        assertThat(machine.peek(DATA, 4)).isEqualTo(5);
        assertThat(machine.state.rip).isEqualTo(CODE + 4);
        assertThat(machine.processor.retired()).isEqualTo(5);
    }

    @Test
    void readModifyWriteProbesForWritingAndSetsFlags() {
        machine.code(CODE, "832B05"); // sub dword [rbx],5
        machine.state.gpr[RBX] = DEVICE;
        port.put(DEVICE, 4, 5);

        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(port.log)
                .containsExactly("probe ffff800000000000 4 2", "read ffff800000000000 4", "write ffff800000000000 4 0");
        assertThat(machine.state.rflags & RFlags.ZERO).isNotZero();
    }

    @Test
    void aRefusalIsRaisedAndNothingHasChanged() {
        machine.code(CODE, "50"); // push rax
        machine.state.gpr[4] = 0x1000;
        port.refused = LinearMemory.Fault.page(0xFF8, PageFaultCode.WRITE);

        assertThat(machine.processor.emulate(port))
                .isEqualTo(new Emulation.Raised(Event.exception(Vector.PAGE_FAULT, PageFaultCode.WRITE), 0xFF8));
        assertThat(machine.state.gpr[4]).isEqualTo(0x1000);
        assertThat(machine.state.rip).isEqualTo(CODE);

        port.refused = LinearMemory.Fault.unhandleable(0xFF8);
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Failed.UNHANDLEABLE);
    }

    @Test
    void aRepeatedInstructionIsEmulatedIterationByIteration() {
        machine.code(CODE, "F3AB"); // rep stosd
        machine.state.gpr[RAX] = 9;
        machine.state.gpr[RCX] = 2;
        machine.state.gpr[RDI] = DEVICE;

        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.ITERATION);
        assertThat(machine.state.rip).isEqualTo(CODE);
        assertThat(machine.processor.retired()).isZero();
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(machine.state.gpr[RDI]).isEqualTo(DEVICE + 8);
        assertThat(machine.processor.retired()).isEqualTo(1);
    }

    @Test
    void anInstructionThatIsNotMappedIsFetchedThroughThePort() {
        machine.state.rip = DEVICE + 0xFFE;
        port.put(DEVICE + 0xFFE, 1, 0xB0);
        port.put(DEVICE + 0xFFF, 1, 0x42);

        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.COMPLETE); // mov al,0x42
        assertThat(machine.state.gpr[RAX]).isEqualTo(0x42);
        assertThat(machine.state.rip).isEqualTo(DEVICE + 0x1000);
    }

    @Test
    void vexCodedAccessesGoToThePortInPiecesOrNotAtAll() {
        machine.state.cr4 |= Cr4.XSAVE;
        machine.state.xcr0 = 7;
        machine.state.gpr[RBX] = DEVICE;
        machine.state.xmm[0] = 1;
        machine.state.ymmHigh[1] = 4;
        machine.code(CODE, "C5FE7F03"); // vmovdqu [rbx],ymm0
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(port.log)
                .containsExactly(
                        "probe ffff800000000000 32 2",
                        "write ffff800000000000 8 1",
                        "write ffff800000000008 8 0",
                        "write ffff800000000010 8 0",
                        "write ffff800000000018 8 4");
        machine.state.rip = CODE + 4;
        machine.code(CODE + 4, "C4E2758E03"); // vpmaskmovd [rbx],ymm1,ymm0
        machine.state.ymmHigh[3] = 0x8000_0000L;
        port.log.clear();
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(port.log).containsExactly("probe ffff800000000018 4 2", "write ffff800000000018 4 4");
        machine.state.rip = CODE + 9;
        machine.code(CODE + 9, "C5FE6F0B"); // vmovdqu ymm1,[rbx]
        port.refused = LinearMemory.Fault.unhandleable(DEVICE);
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Failed.UNHANDLEABLE);
        assertThat(machine.state.ymmHigh[3]).isEqualTo(0x8000_0000L);
        assertThat(machine.state.rip).isEqualTo(CODE + 9);
    }

    @Test
    void whatNeedsTheHypervisorItselfIsNotEmulated() {
        machine.code(CODE, "EC");
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Failed.UNHANDLEABLE);
        machine.code(CODE, "CD80");
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Failed.UNHANDLEABLE);
        machine.code(CODE, "0F22D8");
        assertThat(machine.processor.emulate(port)).isEqualTo(Emulation.Failed.UNHANDLEABLE);
        assertThat(machine.state.rip).isEqualTo(CODE);
    }

    private static final class Port implements LinearMemory {
        final TreeMap<Long, Integer> bytes = new TreeMap<>();
        final List<String> log = new ArrayList<>();
        LinearMemory.Fault refused;

        void put(long linear, int size, long value) {
            for (int i = 0; i < size; i++) {
                bytes.put(linear + i, (int) (value >>> 8 * i) & 0xFF);
            }
        }

        @Override
        public void probe(long linear, int size, int access) {
            log.add("probe " + Long.toHexString(linear) + " " + size + " " + access);
            refuse();
        }

        @Override
        public long read(long linear, int size, int access) {
            if ((access & PageFaultCode.FETCH) == 0) {
                log.add("read " + Long.toHexString(linear) + " " + size);
            }
            refuse();
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= (long) bytes.getOrDefault(linear + i, 0) << 8 * i;
            }
            return value;
        }

        @Override
        public void write(long linear, int size, long value, int access) {
            log.add("write " + Long.toHexString(linear) + " " + size + " " + Long.toHexString(value));
            refuse();
            put(linear, size, value);
        }

        @Override
        public long compareExchange(long linear, int size, long expected, long value, int access) {
            long held = read(linear, size, access);
            if (held == expected) {
                write(linear, size, value, access);
            }
            return held;
        }

        private void refuse() {
            if (refused != null) {
                throw refused;
            }
        }
    }
}
