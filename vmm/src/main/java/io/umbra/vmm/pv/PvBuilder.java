package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.XenPvKernel;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Makes a PV domain out of a kernel: frames, initial pagetables, the list of frames, start_info. Xen: the toolstack's domain builder; public header xen.h, "Start-of-day memory layout".
 *
 * <pre>
 *  virtual base + 0        kernel, at the physical addresses of its segments
 *                          [initial RAM disk, where the kernel wants it mapped]   [list of frames, where it names no place]
 *                          start_info, xenstore page, console page
 *                          pagetables: L4, L3, L2, L1 …
 *                          boot stack; then mapped up to a multiple of 4 MiB, 512 KiB at least
 *  not mapped here         initial RAM disk; list of frames with its own L3, L2, L1, mapped where the kernel's note says
 * </pre>
 */
final class PvBuilder {
    private static final int PAGE = MachineMemory.FRAME_BYTES;
    private static final long MAPPED_MULTIPLE = 4 << 20;
    private static final long SLACK = 512 << 10;
    private static final int COMMAND_LINE_BYTES = 1024;
    private static final int HAS_MODULE_PFN = 8;

    private static final long DATA = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.ACCESSED;
    private static final long READ_ONLY = LongModeEntry.PRESENT | LongModeEntry.ACCESSED;
    private static final long TABLE = DATA | LongModeEntry.USER | LongModeEntry.DIRTY;

    private final MachineMemory memory;
    private final PvTables tables;
    private final XenPvKernel kernel;
    private final long[] frames;

    /** The next pfn that is free, in the order of the layout. */
    private long next;

    // Of the layout, in frames.
    private long initrd;
    private long p2mList;
    private long p2mFrames;
    private long startInfo;
    private long store;
    private long console;
    private long pagetables;
    private long pagetableFrames;
    private long stack;
    private long mapped;

    /**
     * What the domain starts with.
     *
     * @param rip of its first instruction; RSI is {@code startInfo}
     * @param stack top of the boot stack
     * @param startInfo linear
     * @param base the frame of the L4, pinned
     * @param store the frame of the xenstore page
     * @param console the frame of the console page
     */
    record Built(long rip, long stack, long startInfo, long base, long store, long console) {}

    /** @param pages RAM, in frames */
    PvBuilder(MachineMemory memory, PvTables tables, XenPvKernel kernel, long pages) throws LoadException {
        this.memory = memory;
        this.tables = tables;
        this.kernel = kernel;
        this.frames = new long[Math.toIntExact(pages)];
        for (int pfn = 0; pfn < frames.length; pfn++) {
            frames[pfn] = tables.allocate(pfn);
            if (frames[pfn] == Errno.ENOMEM) {
                throw kernel.wrong("the machine has too few frames for this memory");
            }
        }
    }

    /** The machine frame of a pfn. */
    long mfn(long pfn) {
        return frames[(int) pfn];
    }

    /**
     * @param sharedInfo the frame of the page that the domain shares with the hypervisor
     * @param storePort and {@code consolePort} the ports of the services behind the two rings
     */
    Built build(String commandLine, byte[] initrdBytes, long sharedInfo, int storePort, int consolePort)
            throws LoadException {
        byte[] command = commandLine.getBytes(StandardCharsets.UTF_8);
        if (command.length >= COMMAND_LINE_BYTES) {
            throw kernel.wrong("takes a command line of at most %d bytes".formatted(COMMAND_LINE_BYTES - 1));
        }
        arrange(initrdBytes.length);
        for (XenPvKernel.Segment segment : kernel.segments()) {
            write(segment.physical(), segment.bytes());
        }
        writeHypercallPage();
        write(initrd << 12, initrdBytes);
        writeTables();
        writeList();
        writeStartInfo(command, initrdBytes.length, sharedInfo, storePort, consolePort);
        long result = tables.pin(4, mfn(pagetables));
        while (result == Errno.RESTART) {
            result = tables.pin(4, mfn(pagetables));
        }
        if (result != 0) {
            throw new InvariantViolation("PV-2", "the initial pagetables were refused: " + result);
        }
        return new Built(
                kernel.entry(), linear(stack + 1), linear(startInfo), mfn(pagetables), mfn(store), mfn(console));
    }

    // ---- layout
    // ----------------------------------------------------------------------------------------------------------------

    private void arrange(long initrdBytes) throws LoadException {
        long listFrames = pages(8L * frames.length);
        if ((kernel.virtualBase() & (2 << 20) - 1) != 0 || (kernel.p2mBase() & (1L << 39) - 1) != 0) {
            throw kernel.wrong("its virtual base %#x or its place for the list of frames %#x is not aligned"
                    .formatted(kernel.virtualBase(), kernel.p2mBase()));
        }
        next = pages(kernel.end());
        if (!kernel.takesUnmappedInitrd()) {
            initrd = take(pages(initrdBytes));
        }
        if (kernel.p2mBase() == 0) {
            p2mList = take(listFrames);
        }
        startInfo = take(1);
        store = take(1);
        console = take(1);
        pagetables = next;
        pagetableFrames = neededTables();
        take(pagetableFrames);
        stack = take(1);
        if (mapped > 1L << 18) {
            throw kernel.wrong(
                    "its initial mapping of %d MiB is larger than the last GiB of addresses".formatted(mapped >> 8));
        }
        if (kernel.takesUnmappedInitrd()) {
            initrd = take(pages(initrdBytes));
        }
        if (kernel.p2mBase() != 0) {
            p2mList = next;
            p2mFrames = listFrames + tablesFor(listFrames, 1) + tablesFor(listFrames, 2) + tablesFor(listFrames, 3);
            take(p2mFrames);
        }
        require(Math.max(next, mapped));
    }

    private long take(long count) throws LoadException {
        long first = next;
        next += count;
        require(next);
        return first;
    }

    private void require(long end) throws LoadException {
        if (end > frames.length) {
            throw kernel.wrong("needs more than the %d MiB of memory that there are".formatted(frames.length >> 8));
        }
    }

    /** As many tables as map themselves too, up to the end of the slack. */
    private long neededTables() {
        long count = 3;
        while (true) {
            long end = pagetables + count + 1 << 12;
            mapped = (end + SLACK + MAPPED_MULTIPLE - 1) / MAPPED_MULTIPLE * MAPPED_MULTIPLE >>> 12;
            long needed = 1 + tablesFor(mapped, 3) + tablesFor(mapped, 2) + tablesFor(mapped, 1);
            if (needed <= count) {
                return count;
            }
            count = needed;
        }
    }

    /** Tables of a level that map so many frames, from a place on that is a multiple of what one table maps. */
    private static long tablesFor(long count, int level) {
        long each = LongModeEntry.framesMappedBy(level + 1);
        return (count + each - 1) / each;
    }

    private static long pages(long bytes) {
        return bytes + PAGE - 1 >>> 12;
    }

    private long linear(long pfn) {
        return kernel.virtualBase() + (pfn << 12);
    }

    // ---- contents
    // --------------------------------------------------------------------------------------------------------------

    private void write(long physical, byte[] bytes) throws LoadException {
        require(pages(physical + bytes.length));
        for (int done = 0; done < bytes.length; ) {
            long at = physical + done;
            int piece = Math.min(bytes.length - done, PAGE - (int) (at & PAGE - 1));
            memory.write(mfn(at >>> 12) << 12 | at & PAGE - 1, bytes, done, piece);
            done += piece;
        }
    }

    private void writeHypercallPage() throws LoadException {
        if (kernel.hypercallPage() != 0) {
            long physical = kernel.hypercallPage() - kernel.virtualBase();
            if (physical < 0 || physical >>> 12 >= frames.length || (physical & PAGE - 1) != 0) {
                throw kernel.wrong("its hypercall page at %#x is no page of its own".formatted(kernel.hypercallPage()));
            }
            write(physical, HypercallPage.content());
        }
    }

    /** Frames that are tables are mapped read-only, all others writable. */
    private void writeTables() {
        long free = pagetables + 1;
        long l4 = pagetables;
        free = map(l4, 4, kernel.virtualBase(), 0, mapped, free);
        if (free > pagetables + pagetableFrames) {
            throw new InvariantViolation("PV-2", "the initial pagetables are larger than was reckoned");
        }
        if (kernel.p2mBase() != 0) {
            long list = pages(8L * frames.length);
            map(l4, 4, kernel.p2mBase(), p2mList, list, p2mList + list);
        }
    }

    /**
     * Maps frames in a row, level by level, with tables that are taken in a row too: all of one level before those below.
     *
     * @param free the pfn of the first table that is free; @return the same afterwards
     */
    private long map(long table, int level, long linear, long first, long count, long free) {
        long left = free;
        long[] parents = {table};
        for (int at = level; at > 1; at--) {
            int needed = Math.toIntExact(tablesFor(count, at - 1));
            long[] children = new long[needed];
            for (int i = 0; i < needed; i++) {
                children[i] = left++;
                long place = (long) LongModeEntry.index(linear, at) + i;
                long parent = parents[(int) (place >>> 9)];
                memory.writeLong((mfn(parent) << 12) + 8 * (place & 511), LongModeEntry.of(mfn(children[i]), TABLE));
            }
            parents = children;
        }
        for (long i = 0; i < count; i++) {
            long place = LongModeEntry.index(linear, 1) + i;
            long pfn = first + i;
            long flags = isTable(pfn) ? READ_ONLY : DATA;
            memory.writeLong(
                    (mfn(parents[(int) (place >>> 9)]) << 12) + 8 * (place & 511), LongModeEntry.of(mfn(pfn), flags));
        }
        return left;
    }

    private boolean isTable(long pfn) {
        long listEnd = p2mList + pages(8L * frames.length);
        return pfn >= pagetables && pfn < pagetables + pagetableFrames
                || kernel.p2mBase() != 0 && pfn >= listEnd && pfn < p2mList + p2mFrames;
    }

    /** What no pfn stands for, to the end of the last page, is marked as missing. */
    private void writeList() throws LoadException {
        ByteBuffer list =
                ByteBuffer.allocate((int) pages(8L * frames.length) * PAGE).order(ByteOrder.LITTLE_ENDIAN);
        for (long frame : frames) {
            list.putLong(frame);
        }
        while (list.hasRemaining()) {
            list.putLong(-1L);
        }
        write(p2mList << 12, list.array());
    }

    private void writeStartInfo(byte[] command, long initrdBytes, long sharedInfo, int storePort, int consolePort)
            throws LoadException {
        boolean byPfn = kernel.takesUnmappedInitrd();
        ByteBuffer info = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
        info.put("xen-3.0-x86_64".getBytes(StandardCharsets.US_ASCII));
        info.putLong(0x20, frames.length);
        info.putLong(0x28, sharedInfo << 12);
        info.putInt(0x30, byPfn && initrdBytes != 0 ? HAS_MODULE_PFN : 0);
        info.putLong(0x38, mfn(store));
        info.putInt(0x40, storePort);
        info.putLong(0x48, mfn(console));
        info.putInt(0x50, consolePort);
        info.putLong(0x58, linear(pagetables));
        info.putLong(0x60, pagetableFrames);
        info.putLong(0x68, kernel.p2mBase() == 0 ? linear(p2mList) : kernel.p2mBase());
        info.putLong(0x70, initrdBytes == 0 ? 0 : byPfn ? initrd : linear(initrd));
        info.putLong(0x78, initrdBytes);
        info.put(0x80, command);
        info.putLong(0x480, kernel.p2mBase() == 0 ? 0 : p2mList);
        info.putLong(0x488, kernel.p2mBase() == 0 ? 0 : p2mFrames);
        write(startInfo << 12, info.array());
    }
}
