package io.umbra.shadow;

import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/**
 * Linear memory for an emulated instruction: each access is decided by the guest's own tables, translated by the P2M, and a write to a shadowed table is followed by the
 * revalidation of its shadows. Xen: {@code hvm_emulate_ops}, {@code sh_x86_emulate_write}.
 */
final class EmulatedMemory implements LinearMemory {
    /** Stores bytes in a frame of the domain, and does what follows from it. */
    @FunctionalInterface
    interface Store {
        /** @param size 1, 2, 4 or 8; within the frame */
        void write(long mfn, int offset, int size, long value);
    }

    private static final int PAGE = 4096;

    private final VcpuState state;
    private final GuestWalker walker;
    private final MachineMemory memory;
    private final P2m p2m;
    private final DeviceMemory devices;
    private final WriteLog log;
    private final Store store;
    private final @Nullable VirtualTlb virtualTlb;
    private final GuestWalk walk = new GuestWalk();

    EmulatedMemory(
            VcpuState state,
            GuestWalker walker,
            MachineMemory memory,
            P2m p2m,
            DeviceMemory devices,
            WriteLog log,
            Store store,
            @Nullable VirtualTlb virtualTlb) {
        this.state = state;
        this.walker = walker;
        this.memory = memory;
        this.p2m = p2m;
        this.devices = devices;
        this.log = log;
        this.store = store;
        this.virtualTlb = virtualTlb;
    }

    @Override
    public void probe(long linear, int size, int access) {
        translate(linear, access);
        if (crosses(linear, size)) {
            translate(secondPage(linear), access);
        }
    }

    @Override
    public long read(long linear, int size, int access) {
        if (!crosses(linear, size)) {
            return readWithin(translate(linear, access), size);
        }
        long first = translate(linear, access);
        long second = translate(secondPage(linear), access);
        int split = bytesInFirstPage(linear);
        return readBytes(first, 0, split) | readBytes(second, split, size);
    }

    @Override
    public void write(long linear, int size, long value, int access) {
        int writing = access | PageFaultCode.WRITE;
        if (!crosses(linear, size)) {
            writeWithin(translate(linear, writing), size, value);
            return;
        }
        // The bytes in the first page may be the entry that maps the second: both are translated before anything is
        // stored.
        long first = translate(linear, writing);
        long second = translate(secondPage(linear), writing);
        int split = bytesInFirstPage(linear);
        writeBytes(first, 0, split, value);
        writeBytes(second, split, size, value);
    }

    /** Bytes {@code from} … {@code to} of a value, all in one page, each in its place. */
    private long readBytes(long guestPhysical, int from, int to) {
        long value = 0;
        for (int i = from; i < to; i++) {
            value |= readWithin(guestPhysical + i - from, 1) << 8 * i;
        }
        return value;
    }

    private void writeBytes(long guestPhysical, int from, int to, long value) {
        for (int i = from; i < to; i++) {
            writeWithin(guestPhysical + i - from, 1, value >>> 8 * i);
        }
    }

    @Override
    public long compareExchange(long linear, int size, long expected, long value, int access) {
        probe(linear, size, access | PageFaultCode.WRITE);
        long old = read(linear, size, access);
        if (old == expected) {
            write(linear, size, value, access);
        }
        return old;
    }

    /** @return the guest-physical address */
    private long translate(long linear, int access) {
        if (!PagingMode.of(state.cr0, state.cr4, state.efer).isCanonical(linear)) {
            throw Fault.unhandleable(linear);
        }
        VirtualTlb kept = virtualTlb;
        int kind = VirtualTlb.kind(access, state.rflags);
        if (kept != null) {
            long gfn = kept.find(linear, kind, state.pkru);
            if (gfn >= 0) {
                return gfn << 12 | linear & PAGE - 1;
            }
        }
        if (!walker.walk(state, linear, access, walk)) {
            throw Fault.page(linear, walk.faultCode);
        }
        if (kept != null) {
            kept.add(linear, kind, state.pkru, walk);
        }
        return walk.guestPhysical();
    }

    private long readWithin(long guestPhysical, int size) {
        long entry = p2m.demand(guestPhysical >>> 12, false);
        return P2m.isBacked(entry)
                ? memory.read(machineAddress(entry, guestPhysical), size)
                : devices.read(guestPhysical, size);
    }

    private void writeWithin(long guestPhysical, int size, long value) {
        long entry = p2m.demand(guestPhysical >>> 12, true);
        if (!P2m.isBacked(entry)) {
            devices.write(guestPhysical, size, value);
        } else if (P2m.isWritable(entry)) {
            log.mark(guestPhysical >>> 12, DirtyCause.EMULATED);
            store.write(P2m.mfn(entry), (int) guestPhysical & PAGE - 1, size, value);
        }
    }

    private static long machineAddress(long entry, long guestPhysical) {
        return P2m.mfn(entry) << 12 | guestPhysical & PAGE - 1;
    }

    /** Where a crossing access goes on; a fault there reports this address. Outside of long mode, address 0 follows the last of 32 bits. */
    private long secondPage(long linear) {
        long next = (linear | PAGE - 1) + 1;
        return state.isLongModeActive() ? next : next & 0xFFFF_FFFFL;
    }

    private static int bytesInFirstPage(long linear) {
        return PAGE - (int) (linear & PAGE - 1);
    }

    private static boolean crosses(long linear, int size) {
        return (linear & PAGE - 1) + size > PAGE;
    }
}
