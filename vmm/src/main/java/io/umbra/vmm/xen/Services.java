package io.umbra.vmm.xen;

import java.util.function.IntConsumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** What answers a guest behind its two rings: its console, and the xenstore. */
public final class Services {
    private final SharedMemory memory;
    private final EventChannels events;
    private final IntConsumer console;
    private final Store store;
    private final int storePort;
    private final int consolePort;
    private long storeFrame;
    private long consoleFrame;
    private @Nullable StoreRing storeRing;
    private @Nullable ConsoleRing consoleRing;

    /**
     * Takes a port for each.
     *
     * @param memory where the rings will be
     */
    public Services(SharedMemory memory, EventChannels events, IntConsumer console, Store store) {
        this.memory = memory;
        this.events = events;
        this.console = console;
        this.store = store;
        this.storePort = events.connect(this::serveStore);
        this.consolePort = events.connect(this::drain);
    }

    public int storePort() {
        return storePort;
    }

    public int consolePort() {
        return consolePort;
    }

    public long storeFrame() {
        return storeFrame;
    }

    public long consoleFrame() {
        return consoleFrame;
    }

    /** The guest has printed in its ring at least once. */
    public boolean hasConsole() {
        return consoleRing != null && consoleRing.isUsed();
    }

    /** The frames of the rings. */
    public void place(long storeFrame, long consoleFrame) {
        this.storeFrame = storeFrame;
        this.consoleFrame = consoleFrame;
        storeRing = new StoreRing(memory, storeFrame, store);
        consoleRing = new ConsoleRing(memory, consoleFrame, console);
    }

    private void serveStore() {
        if (storeRing != null && storeRing.serve()) {
            events.raise(storePort);
        }
    }

    /** Prints what the guest has left in its console ring, and tells it that there is room. */
    public void drain() {
        if (consoleRing != null && consoleRing.drain()) {
            events.raise(consolePort);
        }
    }

    /**
     * Hands on what was typed, as far as there is room.
     *
     * @param input gives so many bytes at most
     */
    public void type(IntFunction<byte[]> input) {
        ConsoleRing ring = consoleRing;
        if (ring == null) {
            return;
        }
        byte[] typed = input.apply(ring.room());
        if (typed.length > 0) {
            ring.type(typed);
            events.raise(consolePort);
        }
    }
}
