package io.umbra.vmm.xen;

/**
 * How {@code shared_info} and {@code vcpu_info} are laid out, which follows from the guest's word. Offsets in bytes. Xen: public header xen.h, {@code has_32bit_shinfo}.
 *
 * <pre>
 *             word  ports  pending  mask   wc_version  wc_sec_hi │ pending_sel  cr2
 *  WIDE       8     4096   0x800    0xA00  0xC00       0xC0C     │ 8            16
 *  COMPAT     4     1024   0x800    0x880  0x900       0x924     │ 4            8
 * </pre>
 */
public enum SharedLayout {
    WIDE(8, 0xA00, 0xC00, 0xC0C),
    COMPAT(4, 0x880, 0x900, 0x924);

    static final int PENDING = 0x800;

    final int word;
    final int mask;
    final int wallClock;
    final int wallClockHigh;

    SharedLayout(int word, int mask, int wallClock, int wallClockHigh) {
        this.word = word;
        this.mask = mask;
        this.wallClock = wallClock;
        this.wallClockHigh = wallClockHigh;
    }

    public static SharedLayout of(boolean isWide) {
        return isWide ? WIDE : COMPAT;
    }

    /** Bits of a word, and words of a bitmap: a selector has a bit for each. */
    int wordBits() {
        return 8 * word;
    }

    /** Ports of the two-level ABI. */
    public int ports() {
        return wordBits() * wordBits();
    }

    /** Of the selector in {@code vcpu_info}. */
    int selector() {
        return word;
    }

    int cr2() {
        return 2 * word;
    }
}
