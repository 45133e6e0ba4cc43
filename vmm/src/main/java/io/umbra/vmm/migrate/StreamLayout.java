package io.umbra.vmm.migrate;

/** The numbers of the image and domain headers. */
final class StreamLayout {
    static final int IMAGE_HEADER = 24;
    static final int DOMAIN_HEADER = 16;
    static final int RECORD_HEADER = 8;

    static final long MARKER = -1;
    /** "XENF". */
    static final int ID = 0x5845_4E46;

    static final int VERSION = 3;
    static final int OLDEST_VERSION = 2;
    static final int BIG_ENDIAN = 1;

    static final int HVM = 2;
    static final int PAGE_SHIFT = 12;

    /** What a record's body is padded to. */
    static final int ALIGNMENT = 8;

    static int padding(int length) {
        return -length & ALIGNMENT - 1;
    }

    private StreamLayout() {}
}
