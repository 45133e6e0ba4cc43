package io.umbra.shadow.pv;

import io.umbra.x86.MachineMemory;

/** The descriptors that every vCPU of every PV guest has behind its own, so that it can run before it has any: flat segments of privilege 3. Xen: {@code FLAT_RING3_*}, public/arch-x86/xen-x86_64.h. */
final class HypervisorDescriptors {
    /** Their page in a GDT: selectors from 0xe000. */
    static final int PAGE = 14;

    /** Selector 0xe023. */
    static final int CODE_32 = 0xE023 >>> 3;
    /** Selector 0xe02b. */
    static final int DATA = 0xE02B >>> 3;
    /** Selector 0xe033. */
    static final int CODE_64 = 0xE033 >>> 3;

    private static final int FIRST = PAGE * 512;

    static void writeTo(MachineMemory memory, long mfn) {
        long base = mfn << 12;
        memory.writeLong(base + 8 * (CODE_32 - FIRST), 0x00CF_FB00_0000_FFFFL);
        memory.writeLong(base + 8 * (DATA - FIRST), 0x00CF_F300_0000_FFFFL);
        memory.writeLong(base + 8 * (CODE_64 - FIRST), 0x00AF_FB00_0000_FFFFL);
    }

    private HypervisorDescriptors() {}
}
