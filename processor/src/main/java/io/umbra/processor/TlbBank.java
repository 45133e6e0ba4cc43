package io.umbra.processor;

import io.umbra.x86.PageFaultCode;
import java.util.Arrays;

/**
 * The cached translations of data accesses with one kind of rights (user, supervisor, supervisor with AC set under SMAP): direct-mapped by linear page, with
 * separate tags for reading and writing, so that one compare decides translation and right. Those of code are in {@link CodeTlb}.
 *
 * <pre>
 *  tag     63..12 linear page | 11..0 generation
 *  addend  offset in HostMemory of the page's first byte, minus its linear address
 * </pre>
 *
 * <p>A generation of zero is never current, so a zeroed tag never hits. The write tag of a page that holds decoded code stays zero: stores there take the
 * slow path, which tells the code cache.
 */
final class TlbBank {
    static final int ENTRIES = 1024;
    static final int MASK = ENTRIES - 1;

    final long[] read = new long[ENTRIES];
    final long[] write = new long[ENTRIES];
    final long[] addend = new long[ENTRIES];

    static int slot(long linear) {
        return (int) (linear >>> 12) & MASK;
    }

    /** @param access bits of {@link PageFaultCode}, not FETCH */
    long[] tags(int access) {
        return (access & PageFaultCode.WRITE) != 0 ? write : read;
    }

    /** Whether {@code tag} is there for either kind of access. */
    boolean holds(int slot, long tag) {
        return read[slot] == tag || write[slot] == tag;
    }

    void drop(int slot) {
        read[slot] = 0;
        write[slot] = 0;
    }

    void clear() {
        Arrays.fill(read, 0);
        Arrays.fill(write, 0);
    }
}
