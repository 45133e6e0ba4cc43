package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StateChecksTest {
    private static VcpuState longMode() {
        VcpuState state = new VcpuState();
        state.cr0 = Cr0.PROTECTION | Cr0.EXTENSION_TYPE | Cr0.PAGING;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE;
        state.segments[VcpuState.CS].set(8, 0, 0xFFFF_FFFFL, 0xA9B);
        state.rip = 0xFFFF_8000_0000_1000L;
        return state;
    }

    @Test
    void statesThatInstructionsLeadToAreGood() {
        assertThat(StateChecks.refusal(new VcpuState())).isNull();
        assertThat(StateChecks.refusal(longMode())).isNull();
        VcpuState left = longMode();
        left.pdpte[0] = 1L << 62 | 1;
        assertThat(StateChecks.refusal(left))
                .as("PDPTE registers that do not count")
                .isNull();
    }

    private static Arguments bad(String what, Consumer<VcpuState> change) {
        return Arguments.of(what, change);
    }

    static Stream<Arguments> impossibleStates() {
        return Stream.of(
                bad("paging without protection", s -> s.cr0 &= ~Cr0.PROTECTION),
                bad("an undefined bit of CR0", s -> s.cr0 |= 1L << 40),
                bad("NW without CD", s -> s.cr0 |= Cr0.NOT_WRITE_THROUGH),
                bad("an undefined bit of CR4", s -> s.cr4 |= 1L << 50),
                bad("long mode without PAE", s -> s.cr4 = 0),
                bad("LMA without LME", s -> s.efer = Efer.LONG_MODE_ACTIVE),
                bad("LME and paging without LMA", s -> s.efer = Efer.LONG_MODE_ENABLE),
                bad("an undefined bit of EFER", s -> s.efer |= 2),
                bad("CR3 beyond physical memory", s -> s.cr3 = 1L << 45),
                bad("CR8", s -> s.cr8 = 16),
                bad("RFLAGS bit 1", s -> s.rflags = 0),
                bad("RFLAGS bit 22", s -> s.rflags |= 1L << 22),
                bad("virtual-8086 mode in long mode", s -> s.rflags |= RFlags.VIRTUAL_8086),
                bad("CPL", s -> s.cpl = 4),
                bad("a selector", s -> s.segments[0].selector = 1 << 16),
                bad("a wide base", s -> s.segments[VcpuState.DS].base = 1L << 32),
                bad("a limit", s -> s.tr.limit = 1L << 32),
                bad("attributes", s -> s.ldtr.attributes = SegmentRegister.UNUSABLE << 1),
                bad("a base that is not canonical", s -> s.segments[VcpuState.GS].base = 1L << 60),
                bad("a limit of the IDT", s -> s.idtLimit = 1 << 16),
                bad("a base of the GDT", s -> s.gdtBase = 1L << 60),
                bad("RIP", s -> s.rip = 1L << 50),
                bad("RIP outside of 64-bit mode", s -> s.segments[VcpuState.CS].attributes = 0xC9B),
                bad("LSTAR", s -> s.lstar = 1L << 60),
                bad("PAT", s -> s.pat = 2),
                bad("XCR0", s -> s.xcr0 = 0),
                bad("AVX without SSE", s -> s.xcr0 = 5),
                bad("DR7", s -> s.dr[7] = 1L << 32),
                bad("MXCSR", s -> s.mxcsr = 1 << 16),
                bad("the x87's tags", s -> s.x87Empty = 0x100));
    }

    @ParameterizedTest
    @MethodSource("impossibleStates")
    void impossibleStatesAreNot(String what, Consumer<VcpuState> change) {
        VcpuState state = longMode();
        change.accept(state);
        assertThat(StateChecks.refusal(state)).as(what).isNotNull();
    }

    @Test
    void reservedBitsOfPdptesCountUnderPaePagingOnly() {
        VcpuState state = new VcpuState();
        state.cr0 = Cr0.PROTECTION | Cr0.EXTENSION_TYPE | Cr0.PAGING;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        for (Map.Entry<Long, Boolean> entry :
                Map.of(0x1001L, true, 0x1003L, false, 2L, true).entrySet()) {
            state.pdpte[2] = entry.getKey();
            assertThat(StateChecks.refusal(state) == null)
                    .as("PDPTE %x", entry.getKey())
                    .isEqualTo(entry.getValue());
        }
    }
}
