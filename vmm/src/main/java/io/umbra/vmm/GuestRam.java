package io.umbra.vmm;

import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.vmm.loader.GuestPhysicalMemory;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PhysicalMemory;

/**
 * A domain's RAM by guest-physical address: populated frame by frame into the P2M, in 2 MiB pieces where they fit, and read and written through it. Loaders and devices see it as
 * {@link GuestPhysicalMemory}, the definition walker as {@link PhysicalMemory}.
 */
final class GuestRam implements GuestPhysicalMemory, PhysicalMemory {
    private static final long VIDEO_START = 0xA_0000 >>> 12;
    private static final long TEXT_START = 0xB_8000 >>> 12;
    private static final long VIDEO_END = 0xC_0000 >>> 12;
    private static final long FIRMWARE_END = 0x10_0000 >>> 12;
    private static final int PAGE = 4096;

    private final MachineMemory memory;
    private final FrameAllocator frames;
    private final P2m p2m;
    private final MemoryMap map;
    private final boolean onDemand;
    private WriteWatch watch = (gpa, length) -> {};

    /** @param onDemand RAM above 1 MiB gets its frames when it is used, from the supply of {@code p2m} */
    GuestRam(MachineMemory memory, FrameAllocator frames, P2m p2m, MemoryMap map, boolean onDemand) {
        this.onDemand = onDemand;
        this.memory = memory;
        this.frames = frames;
        this.p2m = p2m;
        this.map = map;
        populate(0, map.lowEnd() >>> 12);
        populate(MemoryMap.HOLE_END >>> 12, map.highEnd() >>> 12);
    }

    /** Told of each write that is not the guest's own. */
    interface WriteWatch {
        void written(long gpa, long length);
    }

    void watch(WriteWatch writes) {
        watch = writes;
    }

    private void populate(long from, long to) {
        long span = LongModeEntry.framesMappedBy(2);
        for (long gfn = from; gfn < to; ) {
            boolean fits = gfn % span == 0 && gfn >= FIRMWARE_END && gfn + span <= to;
            long run = fits && !onDemand ? frames.allocateRun() : FrameAllocator.NONE;
            if (run != FrameAllocator.NONE) {
                p2m.set(gfn, 2, run, P2mType.RAM);
                gfn += span;
            } else if (fits && onDemand) {
                p2m.set(gfn, 2, 0, P2mType.POPULATE_ON_DEMAND);
                gfn += span;
            } else {
                populateFrame(gfn);
                gfn++;
            }
        }
    }

    /** The first gfn behind all RAM. */
    long end() {
        return Math.max(map.lowEnd(), map.highEnd()) >>> 12;
    }

    /** Below 1 MiB a PC has video memory, of which only that of text exists, and firmware, which cannot be written but for its storage. */
    private void populateFrame(long gfn) {
        if (gfn >= VIDEO_START && gfn < TEXT_START) {
            p2m.set(gfn, 1, 0, P2mType.MMIO);
            return;
        }
        if (onDemand && gfn >= FIRMWARE_END) {
            p2m.set(gfn, 1, 0, P2mType.POPULATE_ON_DEMAND);
            return;
        }
        long mfn = frames.allocate();
        if (mfn == FrameAllocator.NONE) {
            throw new IllegalStateException("the machine has too few frames for this RAM");
        }
        boolean firmware = gfn >= VIDEO_END && gfn < FIRMWARE_END && gfn != MemoryMap.ACPI_STORAGE >>> 12;
        p2m.set(gfn, 1, mfn, firmware ? P2mType.READ_ONLY : P2mType.RAM);
    }

    /** Machine address of {@code gpa}, or -1 where there is no memory; memory that is nowhere yet is asked for. */
    private long machineAddress(long gpa, boolean forWriting) {
        long entry = p2m.demand(gpa >>> 12, forWriting);
        return P2m.isBacked(entry) ? P2m.mfn(entry) << 12 | gpa & PAGE - 1 : -1;
    }

    // ---- for loaders and devices
    // -------------------------------------------------------------------------------------

    @Override
    public long size() {
        return map.size();
    }

    @Override
    public void write(long gpa, byte[] source, int offset, int length) throws LoadException {
        for (int done = 0; done < length; ) {
            int piece = pieceLength(gpa + done, length - done);
            memory.write(checked(gpa + done, true), source, offset + done, piece);
            watch.written(gpa + done, piece);
            done += piece;
        }
    }

    @Override
    public void writeLong(long gpa, long value) throws LoadException {
        byte[] bytes = new byte[8];
        for (int i = 0; i < 8; i++) {
            bytes[i] = (byte) (value >>> 8 * i);
        }
        write(gpa, bytes, 0, 8);
    }

    @Override
    public void writeInt(long gpa, int value) throws LoadException {
        byte[] bytes = {(byte) value, (byte) (value >>> 8), (byte) (value >>> 16), (byte) (value >>> 24)};
        write(gpa, bytes, 0, 4);
    }

    @Override
    public void zero(long gpa, long length) throws LoadException {
        byte[] zeroes = new byte[PAGE];
        for (long done = 0; done < length; ) {
            int piece = pieceLength(gpa + done, (int) Math.min(length - done, PAGE));
            memory.write(checked(gpa + done, true), zeroes, 0, piece);
            watch.written(gpa + done, piece);
            done += piece;
        }
    }

    @Override
    public byte[] read(long gpa, int length) throws LoadException {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            int piece = pieceLength(gpa + done, length - done);
            memory.read(checked(gpa + done, false), bytes, done, piece);
            done += piece;
        }
        return bytes;
    }

    private long checked(long gpa, boolean forWriting) throws LoadException {
        long address = gpa < 0 ? -1 : machineAddress(gpa, forWriting);
        if (address < 0) {
            throw new LoadException("guest-physical address 0x%x is outside the guest's memory of %d MiB"
                    .formatted(gpa, map.size() >>> 20));
        }
        return address;
    }

    private static int pieceLength(long gpa, int length) {
        return Math.min(length, PAGE - (int) (gpa & PAGE - 1));
    }

    // ---- for the definition walker
    // -----------------------------------------------------------------------------------

    @Override
    public long readLong(long gpa) {
        long address = machineAddress(gpa, false);
        return address < 0 ? 0 : memory.readLong(address);
    }

    @Override
    public int readInt(long gpa) {
        long address = machineAddress(gpa, false);
        return address < 0 ? 0 : memory.readInt(address);
    }

    @Override
    public boolean compareAndSetLong(long gpa, long expected, long value) {
        long address = machineAddress(gpa, true);
        return address >= 0 && written(gpa, 8, memory.compareAndSetLong(address, expected, value));
    }

    @Override
    public boolean compareAndSetInt(long gpa, int expected, int value) {
        long address = machineAddress(gpa, true);
        return address >= 0 && written(gpa, 4, memory.compareAndSetInt(address, expected, value));
    }

    private boolean written(long gpa, int length, boolean isDone) {
        if (isDone) {
            watch.written(gpa, length);
        }
        return isDone;
    }
}
