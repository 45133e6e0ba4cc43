package io.umbra.processor;

import io.umbra.x86.HostMemory;
import io.umbra.x86.PageFaultCode;
import java.lang.foreign.MemorySegment;

/**
 * The cached translations of data accesses with one kind of rights (user, supervisor, supervisor with AC set under SMAP): two ways, chosen by linear page, with
 * separate tags for reading and writing, so that one compare decides translation and right. The first way has what was used last, and only there is looked at once; what is found in the second
 * changes places with it. Those of code are in {@link CodeTlb}.
 *
 * <pre>
 *  an entry is four words, from {@link #at} on:
 *  READ, WRITE  tags: 63..12 linear page | 11..0 generation
 *  ADDEND       offset in {@link HostMemory} of the page's first byte, minus its linear address
 *  ADDRESS      the same for its address in the process, which generated code adds: always the same distance from ADDEND
 * </pre>
 *
 * <p>A generation of zero is never current, so a zeroed tag never hits. The write tag of a page that holds decoded code stays zero: stores there take the
 * slow path, which tells the code cache.
 */
final class TlbBank {
    static final int ENTRIES = 1024;
    static final int MASK = ENTRIES - 1;

    static final int READ = 0;
    static final int WRITE = 1;
    static final int ADDEND = 2;
    static final int ADDRESS = 3;
    static final int WORDS = 4;

    /** How far behind an entry of the first way that of the second is, in {@link #words}. */
    static final int SECOND = ENTRIES * WORDS;

    /** The bits of a tag that are its generation. */
    static final long GENERATION = 0xFFF;

    /** Entries of a pagetable, which is half of the TLB's. */
    static final int TABLE = ENTRIES / 2;

    private static final int LEVEL_2_SHIFT = 21;

    private static final int AT_SHIFT = 12 - 2;
    private static final int AT_MASK = MASK << 2;

    final long[] words = new long[2 * SECOND];
    /** The same, for generated code. */
    final MemorySegment segment = MemorySegment.ofArray(words);

    /** Nothing is cached. An addend of 0 is as good as any, so that the address that goes with it must be there. */
    TlbBank() {
        for (int at = 0; at < words.length; at += WORDS) {
            words[at + ADDRESS] = HostMemory.address();
        }
    }

    /** Where in {@link #words} the entry of the first way for {@code linear} begins. */
    static int at(long linear) {
        return (int) (linear >>> AT_SHIFT) & AT_MASK;
    }

    /** @param access bits of {@link PageFaultCode}, not FETCH */
    static int tag(int access) {
        return (access & PageFaultCode.WRITE) != 0 ? WRITE : READ;
    }

    /** Whether {@code tag} is there for either kind of access. */
    boolean holds(int at, long tag) {
        return words[at + READ] == tag || words[at + WRITE] == tag;
    }

    /** If the second way has {@code tag}, for either kind of access, the two ways change places. */
    void promote(int at, long tag) {
        int second = at + SECOND;
        if (holds(second, tag)) {
            for (int word = 0; word < WORDS; word++) {
                long other = words[at + word];
                words[at + word] = words[second + word];
                words[second + word] = other;
            }
        }
    }

    /** The entry of the first way is for the page that lies at {@code addend}, and has no tags yet. What it held is in the second way, and nobody has what that held. */
    void aim(int at, long addend) {
        System.arraycopy(words, at, words, at + SECOND, WORDS);
        words[at + READ] = 0;
        words[at + WRITE] = 0;
        words[at + ADDEND] = addend;
        words[at + ADDRESS] = addend + HostMemory.address();
    }

    /** Shows what is cached under {@code generation}. */
    void each(long generation, TlbView view) {
        for (int at = 0; at < words.length; at += WORDS) {
            long read = words[at + READ];
            long write = words[at + WRITE];
            boolean isRead = (read & GENERATION) == generation;
            boolean isWritten = (write & GENERATION) == generation;
            if (isRead || isWritten) {
                long page = (isRead ? read : write) & ~GENERATION;
                view.translation(at / WORDS, page, words[at + ADDEND] + page, isRead, isWritten);
            }
        }
    }

    /** Drops both ways. */
    void drop(int at) {
        for (int way = at; way < words.length; way += SECOND) {
            words[way + READ] = 0;
            words[way + WRITE] = 0;
        }
    }

    /** Drops the pages whose linear address selects {@code index} in a table of {@code level}, 1 or 2. */
    void dropEntry(int level, int index) {
        if (level == 1) {
            for (int slot = index; slot < ENTRIES; slot += TABLE) {
                drop(slot * WORDS);
            }
            return;
        }
        // The lowest bit of a level-2 index is the highest of the slot's number.
        int first = (index & 1) * TABLE * WORDS;
        dropBelow(index, first);
        dropBelow(index, first + SECOND);
    }

    /** In half a way. */
    private void dropBelow(int index, int first) {
        for (int at = first; at < first + TABLE * WORDS; at += WORDS) {
            if (selects(words[at + READ], index)) {
                words[at + READ] = 0;
            }
            if (selects(words[at + WRITE], index)) {
                words[at + WRITE] = 0;
            }
        }
    }

    /** Whether the page of {@code tag} lies below entry {@code index} of a level-2 table. */
    static boolean selects(long tag, int index) {
        return ((int) (tag >>> LEVEL_2_SHIFT) & TABLE - 1) == index;
    }

    void clear() {
        for (int at = 0; at < SECOND; at += WORDS) {
            drop(at);
        }
    }
}
