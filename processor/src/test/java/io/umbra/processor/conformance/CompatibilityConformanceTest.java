package io.umbra.processor.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.OpcodeTables;
import io.umbra.processor.host.NativeCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** 32-bit code, in compatibility mode, as {@link IntegerConformanceTest} has 64-bit code: with the instructions that 64-bit mode has not, and segmentation at work. */
class CompatibilityConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 200_000);

    /** Of the second word of a descriptor, which LAR reads: present, DPL 3, code, readable; and D set and L clear, as 32-bit code has them. */
    private static final int EXAMINED = 0x0060_FA00, CODE_32 = 0x0040_FA00;

    @BeforeAll
    static void needsAnX86HostThatRuns32BitCode() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
        assumeTrue((access32BitCode() & EXAMINED) == CODE_32, "needs an operating system that offers 32-bit code");
    }

    /** LAR of Linux's 32-bit code segment: 0 when it cannot be used. */
    private static int access32BitCode() {
        String loadAccessRights = "31d2 b823000000 0f02d0 8917 c3";
        try (Arena arena = Arena.ofConfined();
                NativeCode code = NativeCode.assemble(loadAccessRights)) {
            MemorySegment state = arena.allocate(8);
            code.call(state);
            return state.get(ValueLayout.JAVA_INT, 0);
        }
    }

    @Test
    void everyInstructionDoesWhatTheHostDoes() {
        List<OpcodeRow> rows = OpcodeRow.legacyMode()
                .filter(row -> OpcodeTables.isInteger(row.mnemonic()) && !Exclusions.excludes(row))
                .toList();
        try (Conformance conformance = new Conformance(rows, SEED, Conformance.Paging.SHADOW, CodeMode.COMPATIBILITY)) {
            assertThat(conformance.run(CASES)).as("seed %d", SEED).isEmpty();
            assertThat(conformance.forgotten()).isEmpty();
            assertThat(conformance.cases()).isGreaterThanOrEqualTo(CASES);
        }
    }
}
