package io.umbra.vmm;

/**
 * Where a machine frame of two machines first differs.
 *
 * @param gfn of the guest's that the frame is, or {@link #UNKNOWN}: one of the hypervisor's own, or not looked for
 * @param offset in bytes, a multiple of 8
 * @param first the 8 bytes there
 * @param second the same of the other machine
 */
public record FrameDifference(long mfn, long gfn, int offset, long first, long second) {
    static final long UNKNOWN = -1;

    @Override
    public String toString() {
        String which = gfn == UNKNOWN ? "not the guest's own" : "gfn 0x" + Long.toHexString(gfn);
        return "mfn 0x%x (%s), offset 0x%x: 0x%x, 0x%x".formatted(mfn, which, offset, first, second);
    }
}
