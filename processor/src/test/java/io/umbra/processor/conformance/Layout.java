package io.umbra.processor.conformance;

/**
 * Where things are, as offsets from a base below 2 GiB that is the same linear address on the host and in the software processor.
 *
 * <pre>
 *      0  stubs: entry and exit without and with vector registers, and for 32-bit code  (ours: VMMCALL at the exits)
 *   1000  registers before, registers after, and the host's own places
 *   2000  four pages of data; what instructions touch is within {@link #REACH} bytes of {@link #MIDDLE}
 *  10000  slots of code
 * </pre>
 */
final class Layout {
    static final int ENTRY = 0, VECTOR_ENTRY = 0x200, COMPATIBILITY_ENTRY = 0x400;
    static final int EXIT = 0x800, VECTOR_EXIT = 0xA00, COMPATIBILITY_EXIT = 0xC00, FROM_COMPATIBILITY = 0xE00;
    static final int BEFORE = 0x1000, AFTER = 0x1400;
    static final int TARGET = 0x1800, JVM_STACK_POINTER = 0x1808;
    /** Which way control went: written by the pads of a slot, so it is on both sides. */
    static final int PATH = 0x1810;

    static final int DATA = 0x2000, MIDDLE = 0x4000, DATA_END = 0x6000;
    static final int REACH = 512;

    /** Slots lie across the pages so that instructions cross from one into the next. */
    static final int CODE = 0x1_0000, FIRST_SLOT = CODE + 0xC0, SLOT = 256, SLOTS = 256, CODE_PAGES = 17;

    static final int SIZE = CODE + CODE_PAGES * 4096;

    private Layout() {}
}
