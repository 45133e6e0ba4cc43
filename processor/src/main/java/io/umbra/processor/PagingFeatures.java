package io.umbra.processor;

import io.umbra.x86.Cr4;

/**
 * The parts of paging that a processor may do without: each has a bit in CPUID, one in CR4, and instructions that are undefined where it is not offered.
 *
 * @param fiveLevel LA57: 57-bit linear addresses while CR4.LA57 is set. Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging"
 * @param contextIdentifiers PCID and INVPCID. SDM vol. 3A, "Process-Context Identifiers (PCIDs)"
 * @param protectionKeys PKU, for user pages. SDM vol. 3A, "Protection Keys"
 */
record PagingFeatures(boolean fiveLevel, boolean contextIdentifiers, boolean protectionKeys) {
    static final PagingFeatures ALL = new PagingFeatures(true, true, true);

    /** What guests are offered. */
    static final PagingFeatures OFFERED = new PagingFeatures(true, true, true);

    private static final int PCID = 1 << 17, INVPCID = 1 << 10, PKU = 1 << 3, OSPKE = 1 << 4, LA57 = 1 << 16;

    /** The bits of CR4 that may be set beside {@link CpuFeatures#CR4}. */
    long cr4() {
        return (fiveLevel ? Cr4.FIVE_LEVEL : 0)
                | (contextIdentifiers ? Cr4.PROCESS_CONTEXT_IDENTIFIERS : 0)
                | (protectionKeys ? Cr4.PROTECTION_KEYS : 0);
    }

    /** How many bits a linear address has at most, whatever CR4.LA57 is now. */
    int linearBits() {
        return fiveLevel ? 57 : 48;
    }

    /**
     * Whether a register that holds a linear address takes {@code address}: base registers of segments and tables, and MSRs, are held against the processor's widest
     * linear address, not against that of the current paging mode. SDM vol. 1, "Canonical Addressing".
     */
    boolean isStorable(long address) {
        int unused = Long.SIZE - linearBits();
        return address << unused >> unused == address;
    }

    int leaf1Ecx() {
        return contextIdentifiers ? PCID : 0;
    }

    int leaf7Ebx() {
        return contextIdentifiers ? INVPCID : 0;
    }

    /** @param cr4 of the processor that asks: OSPKE mirrors CR4.PKE */
    int leaf7Ecx(long cr4) {
        int keys = protectionKeys ? PKU | ((cr4 & Cr4.PROTECTION_KEYS) != 0 ? OSPKE : 0) : 0;
        return keys | (fiveLevel ? LA57 : 0);
    }
}
