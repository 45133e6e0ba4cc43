package io.umbra.bench.guest;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Something that executes guests: its console is the standard output of a process of its own. */
interface Machine {
    /** MiB of RAM of every guest on every machine. */
    int MEMORY = 256;

    /** As {@code --machines} takes it. */
    String name();

    /** What is missing and how to install it; nothing when the machine can be used. */
    Optional<String> missing();

    /** In one line. */
    String version() throws InterruptedException;

    /** Starts the guest; ends when the guest powers off. */
    List<String> command(Guest guest, Path kernel, Path disk) throws IOException, InterruptedException, BenchException;
}
