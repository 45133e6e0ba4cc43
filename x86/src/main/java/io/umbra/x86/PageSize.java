package io.umbra.x86;

/** The sizes of page that a leaf can map. */
public enum PageSize {
    SIZE_4K(12, "4 KiB"),
    /** A PDE with PS set, of PAE, four- and five-level paging. */
    SIZE_2M(21, "2 MiB"),
    /** A PDE with PS set, of two-level paging with CR4.PSE. */
    SIZE_4M(22, "4 MiB"),
    /** A PDPTE with PS set, of four- and five-level paging. */
    SIZE_1G(30, "1 GiB");

    private final int shift;
    private final String text;

    PageSize(int shift, String text) {
        this.shift = shift;
        this.text = text;
    }

    /** @return the base-2 logarithm of the size in bytes */
    public int shift() {
        return shift;
    }

    public long bytes() {
        return 1L << shift;
    }

    /** @return how many 4 KiB frames the page covers */
    public long frames() {
        return bytes() >>> SIZE_4K.shift;
    }

    /** @return where in its page the byte at {@code address} lies */
    public long offset(long address) {
        return address & bytes() - 1;
    }

    /** Such as {@code 2 MiB}. */
    @Override
    public String toString() {
        return text;
    }
}
