package io.umbra.vmm.xen;

import java.util.function.IntConsumer;

/**
 * The hypervisor's end of a guest's console page. Xen: public header io/console.h.
 *
 * <pre>
 *  0x000 in[1024]   0x400 out[2048]   0xC00 in_cons  0xC04 in_prod  0xC08 out_cons  0xC0C out_prod (u32, running freely)
 * </pre>
 */
public final class ConsoleRing {
    private static final int IN = 0, IN_BYTES = 1024;
    private static final int OUT = 0x400, OUT_BYTES = 2048;
    private static final int IN_CONSUMED = 0xC00, IN_PRODUCED = 0xC04, OUT_CONSUMED = 0xC08, OUT_PRODUCED = 0xC0C;

    private final SharedMemory memory;
    private final long page;
    private final IntConsumer console;
    private boolean used;

    /** @param console takes what the guest prints, byte by byte */
    public ConsoleRing(SharedMemory memory, long frame, IntConsumer console) {
        this.memory = memory;
        this.page = frame << 12;
        this.console = console;
    }

    /** Takes what the guest has printed. A guest whose numbers make no sense loses what it printed. @return whether there was anything */
    public boolean drain() {
        int consumed = memory.readInt(page + OUT_CONSUMED);
        int produced = memory.readInt(page + OUT_PRODUCED);
        int waiting = produced - consumed;
        if (waiting > 0 && waiting <= OUT_BYTES) {
            used = true;
            for (int i = 0; i < waiting; i++) {
                console.accept(memory.readByte(page + OUT + (consumed + i & OUT_BYTES - 1)) & 0xFF);
            }
        }
        memory.writeInt(page + OUT_CONSUMED, produced);
        return waiting != 0;
    }

    /** Whether anything was printed here. */
    boolean isUsed() {
        return used;
    }

    /** Bytes that can be typed now. */
    public int room() {
        int waiting = memory.readInt(page + IN_PRODUCED) - memory.readInt(page + IN_CONSUMED);
        return waiting < 0 || waiting > IN_BYTES ? 0 : IN_BYTES - waiting;
    }

    /** @param bytes not more than {@link #room} */
    public void type(byte[] bytes) {
        int produced = memory.readInt(page + IN_PRODUCED);
        for (int i = 0; i < bytes.length; i++) {
            memory.writeByte(page + IN + (produced + i & IN_BYTES - 1), bytes[i]);
        }
        memory.writeInt(page + IN_PRODUCED, produced + bytes.length);
    }
}
