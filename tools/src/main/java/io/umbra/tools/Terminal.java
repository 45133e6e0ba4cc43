package io.umbra.tools;

import io.umbra.vmm.ConsoleInput;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** What the user types. */
final class Terminal {
    private Terminal() {}

    /** A thread of its own waits for it. */
    static ConsoleInput input() {
        ConsoleInput input = new ConsoleInput();
        InputStream in = System.in; // of now: another may be set when the thread comes to read
        Thread.ofPlatform().daemon().name("stdin").start(() -> {
            byte[] buffer = new byte[256];
            try {
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    input.type(Arrays.copyOf(buffer, count));
                }
            } catch (IOException e) {
                // The console is gone: as the end of input.
            }
            input.close();
        });
        return input;
    }
}
