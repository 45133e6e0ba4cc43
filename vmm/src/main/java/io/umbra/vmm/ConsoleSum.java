package io.umbra.vmm;

import io.umbra.x86.StateImage;
import java.util.function.IntConsumer;

/** What was printed, as a number and a hash, on its way to where it goes. */
final class ConsoleSum implements IntConsumer {
    private static final long HASH_FACTOR = 0x9E37_79B9_7F4A_7C15L;

    private final IntConsumer next;
    private long printed;
    private long hash;

    ConsoleSum(IntConsumer next) {
        this.next = next;
    }

    @Override
    public void accept(int value) {
        printed++;
        hash = Long.rotateLeft((hash ^ value & 0xFF) * HASH_FACTOR, 29);
        next.accept(value);
    }

    void describe(StateImage image) {
        image.add("bytes printed", printed);
        image.add("hash of what was printed", hash);
    }
}
