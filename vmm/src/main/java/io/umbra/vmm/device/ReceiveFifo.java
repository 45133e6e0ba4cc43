package io.umbra.vmm.device;

import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/** The receiver FIFO of a 16550A: up to 16 characters, each with the line errors it arrived with. */
final class ReceiveFifo {
    private static final int CAPACITY = 16;

    private final int[] entries = new int[CAPACITY];
    private int head;
    private int size;

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    boolean isFull() {
        return size == CAPACITY;
    }

    void clear() {
        head = 0;
        size = 0;
    }

    /** Adds a character with its line status bits; the caller has seen that there is room. */
    void add(int character, int errors) {
        entries[(head + size) % CAPACITY] = character | errors << 8;
        size++;
    }

    /** Takes the oldest character; the caller has seen that there is one. */
    int remove() {
        int character = entries[head] & 0xff;
        head = (head + 1) % CAPACITY;
        size--;
        return character;
    }

    /** The line errors of the oldest character, 0 if there is none. */
    int errorsAtTop() {
        return isEmpty() ? 0 : entries[head] >> 8;
    }

    /** The errors of the oldest character have been reported. */
    void forgetErrorsAtTop() {
        entries[head] &= 0xff;
    }

    boolean hasErrors() {
        for (int index = 0; index < size; index++) {
            if (entries[(head + index) % CAPACITY] >> 8 != 0) {
                return true;
            }
        }
        return false;
    }

    void save(StateWriter out) {
        out.words(entries);
        out.word(head);
        out.word(size);
    }

    void restore(StateReader in) throws StateException {
        in.words(entries, 0xffff);
        head = in.between(0, CAPACITY - 1);
        size = in.between(0, CAPACITY);
    }
}
