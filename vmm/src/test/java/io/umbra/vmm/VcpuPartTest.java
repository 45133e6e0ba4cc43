package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.DeviceMemory;
import io.umbra.shadow.NestedPaging;
import io.umbra.shadow.P2m;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateFormat;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Event;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VcpuPartTest {
    private static final class Machine implements AutoCloseable {
        final MachineMemory memory = new MachineMemory(512);
        final VcpuState state = new VcpuState();
        final SoftwareProcessor processor = new SoftwareProcessor(state, memory);
        final Vcpu vcpu;
        final VcpuPart part;

        Machine() {
            P2m p2m = new P2m(memory, new FrameAllocator(512, 1));
            vcpu = new Vcpu(
                    0,
                    processor,
                    new NestedPaging(memory, p2m, DeviceMemory.NONE),
                    null,
                    false,
                    () -> 1,
                    Vcpu.QuietPorts.NONE);
            part = new VcpuPart(processor, vcpu);
        }

        @Override
        public void close() {
            processor.close();
            memory.close();
        }
    }

    private final Machine saved = new Machine();
    private final Machine restored = new Machine();

    @AfterEach
    void close() {
        saved.close();
        restored.close();
    }

    private void carry() throws StateException {
        StateFormat.read(StateFormat.write(List.of(saved.part)), List.of(restored.part));
    }

    /** Every public field that there is, elements of arrays and hidden parts of segment registers among them. */
    private static Map<String, Object> fields(VcpuState state) throws IllegalAccessException {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (Field field : VcpuState.class.getFields()) {
            if (Modifier.isStatic(field.getModifiers())) {
                continue;
            }
            switch (field.get(state)) {
                case long[] values -> {
                    for (int i = 0; i < values.length; i++) {
                        fields.put(field.getName() + i, values[i]);
                    }
                }
                case int[] values -> {
                    for (int i = 0; i < values.length; i++) {
                        fields.put(field.getName() + i, values[i]);
                    }
                }
                case SegmentRegister[] segments -> {
                    for (int i = 0; i < segments.length; i++) {
                        fields.put(field.getName() + i, text(segments[i]));
                    }
                }
                case SegmentRegister segment -> fields.put(field.getName(), text(segment));
                case Object value -> fields.put(field.getName(), value);
            }
        }
        return fields;
    }

    private static String text(SegmentRegister segment) {
        return "%x %x %x %x".formatted(segment.selector, segment.base, segment.limit, segment.attributes);
    }

    private static void set(SegmentRegister segment, SplittableRandom random) {
        segment.set(
                random.nextInt(1, 0x1_0000),
                random.nextLong(1, 1L << 32),
                random.nextLong(1, 1L << 32),
                random.nextInt(1, 0x1000));
    }

    /** No field has the value that it has after reset. */
    private static void fill(VcpuState state, SplittableRandom random) {
        for (long[] values : List.of(state.gpr, state.pdpte, state.xmm, state.ymmHigh, state.x87Significand)) {
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextLong();
            }
        }
        for (int i = 0; i < 8; i++) {
            state.x87SignExponent[i] = random.nextInt(1, 0x1_0000);
            state.dr[i] = random.nextLong(1, 1L << 31);
        }
        state.dr[6] = 0xFFFF_4FF3L;
        state.dr[7] = 0x701;
        for (SegmentRegister segment : state.segments) {
            set(segment, random);
        }
        set(state.ldtr, random);
        set(state.tr, random);
        state.rip = 0x1234_5678;
        state.rflags = RFlags.ALWAYS_ONE | RFlags.CARRY | RFlags.IO_PRIVILEGE;
        state.cr0 = Cr0.DEFINED;
        state.cr2 = random.nextLong();
        state.cr3 = 0x12_3456_7000L;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.SMEP | Cr4.XSAVE;
        state.cr8 = 7;
        state.efer = Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
        state.cpl = 2;
        state.xcr0 = 7;
        state.pkru = random.nextInt();
        state.gdtBase = 0x1000;
        state.gdtLimit = 0x7F;
        state.idtBase = 0x2000;
        state.idtLimit = 0xFFF;
        state.star = random.nextLong();
        state.lstar = -0x1000L;
        state.cstar = -0x2000L;
        state.syscallMask = 0x700;
        state.kernelGsBase = -0x3000L;
        state.sysenterCs = random.nextLong();
        state.sysenterEsp = -0x4000L;
        state.sysenterEip = -0x5000L;
        state.pat = 0x0606_0606_0606_0606L;
        state.tscAux = 5;
        state.mxcsr = 0x9FC0;
        state.x87Control = 0x27F;
        state.x87Status = 0x3800;
        state.x87Empty = 0x5A;
        state.x87Opcode = 0x123;
        state.x87InstructionPointer = random.nextLong();
        state.x87InstructionSelector = 0x33;
        state.x87DataPointer = random.nextLong();
        state.x87DataSelector = 0x2B;
        state.interruptShadow = true;
        state.nmiBlocked = true;
        state.instructions = 123_456_789;
        state.tscOffset = -5;
    }

    @Test
    void everyRegisterIsCarried() throws Exception {
        fill(saved.state, new SplittableRandom(8));
        Map<String, Object> afterReset = fields(restored.state);
        assertThat(fields(saved.state))
                .allSatisfy((name, value) -> assertThat(value)
                        .as("a register whose loss would be seen: %s", name)
                        .isNotEqualTo(afterReset.get(name)));
        carry();
        assertThat(fields(restored.state)).isEqualTo(fields(saved.state));
    }

    @Test
    void whatIsOnItsWayToTheGuestIsCarried() throws Exception {
        Event fault = Event.exception(14, 6);
        Event interrupt = Event.external(0x31);
        saved.processor.inject(fault);
        saved.processor.pendingTraps(0x4001);
        saved.vcpu.postpone(interrupt);
        carry();
        assertThat(restored.processor.pendingEvent()).isEqualTo(fault);
        assertThat(restored.processor.pendingTraps()).isEqualTo(0x4001);
        assertThat(restored.vcpu.postponed()).isEqualTo(interrupt);
    }

    @Test
    void aStateThatNoProcessorCanBeInIsRefused() {
        saved.state.cr0 |= Cr0.PAGING;
        assertThatThrownBy(this::carry)
                .isInstanceOf(StateException.class)
                .hasMessage("the state of 'vcpu0' is impossible: CR0, CR3, CR4, CR8 and EFER do not go together");
    }
}
