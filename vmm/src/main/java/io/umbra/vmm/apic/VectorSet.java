package io.umbra.vmm.apic;

import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/** A set of vectors, 0 to 255, as the registers ISR, TMR and IRR hold it: eight words of 32 bits, vector 0 in bit 0 of word 0. */
final class VectorSet {
    static final int NONE = -1;

    private final int[] words = new int[8];

    void add(int vector) {
        words[vector >> 5] |= 1 << vector;
    }

    void remove(int vector) {
        words[vector >> 5] &= ~(1 << vector);
    }

    boolean contains(int vector) {
        return (words[vector >> 5] >>> vector & 1) != 0;
    }

    /** The greatest member, which is that of highest priority, or {@link #NONE}. */
    int highest() {
        for (int word = 7; word >= 0; word--) {
            if (words[word] != 0) {
                return word << 5 | 31 - Integer.numberOfLeadingZeros(words[word]);
            }
        }
        return NONE;
    }

    int word(int index) {
        return words[index];
    }

    void clear() {
        java.util.Arrays.fill(words, 0);
    }

    void save(StateWriter out) {
        out.words(words);
    }

    void restore(StateReader in) throws StateException {
        in.words(words, -1);
    }
}
