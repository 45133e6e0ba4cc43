package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.shadow.FaultOutcome;
import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Walk;

/** Holds every answer of the engine to a page fault against the definition of the architecture ({@code --verify}). */
final class Verifier {
    /** What the definition says of an access, asked before the engine acts, in a memory that it leaves as it was. */
    record Expected(long linear, int access, Walk walk) {}

    private final PhysicalMemory memory;
    private long checked;

    Verifier(PhysicalMemory memory) {
        this.memory = memory;
    }

    Expected expect(VcpuState state, long linear, int code) {
        int access = PageFaultCode.access(code);
        return new Expected(linear, access, DefinitionWalker.walk(registers(state), memory, linear, access, false));
    }

    private static PagingRegisters registers(VcpuState state) {
        return PagingRegisters.of(state, CpuFeatures.PHYSICAL_ADDRESS_BITS, true, true);
    }

    /** @throws InvariantViolation ({@code VERIFY-1}) when the engine decided otherwise */
    void check(Expected expected, FaultOutcome outcome) {
        checked++;
        boolean agrees = switch (expected.walk()) {
            case Walk.Mapped mapped -> !(outcome instanceof FaultOutcome.GuestFault);
            case Walk.Fault fault -> outcome instanceof FaultOutcome.GuestFault given && given.code() == fault.code();
            case Walk.NonCanonical nonCanonical -> false;
        };
        if (!agrees) {
            throw new InvariantViolation(
                    "VERIFY-1",
                    "access %s to 0x%x: the definition says %s, the engine %s"
                            .formatted(
                                    PageFaultCode.describe(expected.access()),
                                    expected.linear(),
                                    expected.walk(),
                                    outcome));
        }
    }

    /** Translations held against the definition so far. */
    long checked() {
        return checked;
    }
}
