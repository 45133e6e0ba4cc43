package io.umbra.vmm.pv;

import io.umbra.shadow.ShadowPolicy;
import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.XenPvKernel;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.HypercallTable;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A PV domain of 8 MiB whose kernel is what a test puts together: code from {@link #ENTRY} on, handlers behind it, and memory to play with. */
final class TestGuest implements AutoCloseable {
    static final long VIRTUAL_BASE = 0xFFFF_FFFF_8000_0000L;
    static final long ENTRY = VIRTUAL_BASE + 0x1000;
    /** Where further pieces of code go. */
    static final long HANDLER = VIRTUAL_BASE + 0x2000, OTHER = VIRTUAL_BASE + 0x3000, USER = VIRTUAL_BASE + 0x4000;
    /** Free memory, mapped writable, and zero: 256 pages. */
    static final long SCRATCH = VIRTUAL_BASE + 0x10_0000;
    /** Zero, and left so. */
    static final long ZERO = VIRTUAL_BASE + 0x8000;
    /** A stack of a page below. */
    static final long STACK = VIRTUAL_BASE + 0xA000;

    /** Mapped by nothing. */
    static final long UNMAPPED = 0x1234_5000;

    private static final int KERNEL_BYTES = 0x10000;

    final PvDomain domain;
    final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    final ConsoleInput input = new ConsoleInput();
    private final byte[] kernel = new byte[KERNEL_BYTES - 0x1000];

    private @Nullable HypercallTable table;

    TestGuest() {
        this(ShadowPolicy.DEFAULT);
    }

    TestGuest(ShadowPolicy policy) {
        PvConfig plain = PvConfig.of(8 << 20);
        domain = new PvDomain(
                new PvConfig(plain.memoryBytes(), plain.seed(), false, plain.startDate(), false, policy),
                printed::write,
                input);
        domain.limit(10_000_000);
    }

    /** A guest whose kernel is this code. */
    static TestGuest of(Code code) {
        return new TestGuest().at(ENTRY, code);
    }

    /** A guest that does nothing: its hypercalls are made by the test. */
    static TestGuest idle() {
        return of(new Code().end()).load();
    }

    TestGuest at(long linear, Code code) {
        byte[] bytes = code.finished();
        System.arraycopy(bytes, 0, kernel, (int) (linear - ENTRY), bytes.length);
        return this;
    }

    TestGuest load() {
        return load(0);
    }

    TestGuest load(long hypercallPage) {
        try {
            XenPvKernel.Segment segment = new XenPvKernel.Segment(0x1000, kernel, kernel.length);
            domain.load(
                    new XenPvKernel("test", ENTRY, VIRTUAL_BASE, hypercallPage, 0, true, List.of(segment)),
                    "command line",
                    new byte[0]);
        } catch (LoadException e) {
            throw new AssertionError(e);
        }
        table = PvHypercalls.table(domain.guest());
        return this;
    }

    GuestEnd run() {
        if (table == null) {
            load();
        }
        input.close();
        return domain.run();
    }

    PvGuest parts() {
        return domain.guest();
    }

    HypercallTable table() {
        return Objects.requireNonNull(table);
    }

    GuestMemory memory() {
        return parts().kernel();
    }

    long call(HypercallNumber number, long... arguments) {
        return table().call(number.number(), java.util.Arrays.copyOf(arguments, 6));
    }

    /** The machine frame behind a linear address. */
    long mfn(long linear) {
        return memory().translate(linear, false) >>> 12;
    }

    /** The machine address of the L1 entry that maps {@code linear}. */
    long entryOf(long linear) {
        long table = parts().tables().kernelBase();
        for (int level = 4; level > 1; level--) {
            long entry =
                    parts().memory().readLong((table << 12) + 8L * io.umbra.x86.LongModeEntry.index(linear, level));
            table = io.umbra.x86.LongModeEntry.frame(entry);
        }
        return (table << 12) + 8L * io.umbra.x86.LongModeEntry.index(linear, 1);
    }

    String text() {
        return printed.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() {
        domain.close();
    }
}
