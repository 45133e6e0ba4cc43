package io.umbra.tools;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Something that executes {@code umbra run}. Many threads may call it at once. */
@FunctionalInterface
interface GuestRunner {
    /**
     * Runs to the end.
     *
     * @param arguments of {@code umbra}, {@code run} first
     * @param console receives the guest's console, byte for byte
     * @param errors receives stderr
     * @return the exit status
     * @throws IOException when it cannot be started
     * @throws InterruptedException when the calling thread is interrupted; nothing runs any more
     */
    int run(List<String> arguments, Path console, Path errors) throws IOException, InterruptedException;
}
