package io.umbra.processor;

import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;

/** Holds everything that the TLB has for the tables in force against a walk of them: rule TLB-3. A walk that finds it right changes nothing, for the accessed and dirty bits are set already. */
final class TlbAudit {
    private static final long PAGE = -4096L;

    private final PageWalker walker;
    private final MachineMemory memory;
    private final long generation;

    TlbAudit(PageWalker walker, MachineMemory memory, long generation) {
        this.walker = walker;
        this.memory = memory;
        this.generation = generation;
    }

    /**
     * @param rights USER or 0
     * @param alignmentFlag the accesses pass SMAP
     */
    void check(TlbBank bank, int rights, boolean alignmentFlag) {
        for (int at = 0; at < bank.words.length; at += TlbBank.WORDS) {
            long addend = bank.words[at + TlbBank.ADDEND];
            check(bank.words[at + TlbBank.READ], addend, rights, alignmentFlag);
            check(bank.words[at + TlbBank.WRITE], addend, rights | PageFaultCode.WRITE, alignmentFlag);
        }
    }

    /** @param rights USER or 0 */
    void check(CodeTlb tlb, int rights) {
        for (int slot = 0; slot < TlbBank.ENTRIES; slot++) {
            check(tlb.tag(slot), tlb.addend(slot), rights | PageFaultCode.FETCH, false);
        }
    }

    private void check(long tag, long addend, int access, boolean alignmentFlag) {
        if ((tag & ~PAGE) != generation) {
            return;
        }
        long linear = tag & PAGE;
        boolean isRight = walker.walk(linear, access, alignmentFlag) == PageWalker.Outcome.MAPPED
                && memory.base() + walker.machineAddress == addend + linear;
        if (!isRight) {
            throw new InvariantViolation(
                    "TLB-3",
                    "the TLB has " + Long.toHexString(linear) + " for " + PageFaultCode.describe(access)
                            + " where the tables do not");
        }
    }
}
