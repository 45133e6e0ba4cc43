package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * The GDTs and LDTs of a domain's vCPUs. Their frames have the type SEGMENT_DESCRIPTORS, so that the guest cannot write to them, and are mapped in the {@link PerDomainArea}, where the processor reads them. A
 * GDT's frames are taken at once, an LDT's when they are used. Xen: {@code pv_set_gdt}, {@code pv_map_ldt_shadow_page}.
 */
final class DescriptorTables {
    private static final int PER_FRAME = 512;
    private static final int MOST_LDT_ENTRIES = 8192;

    private final PvTables tables;
    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;
    private final PerDomainArea area;

    DescriptorTables(PvTables tables, PerDomainArea area) {
        this.tables = tables;
        this.machine = tables.machine();
        this.memory = machine.memory;
        this.frames = machine.frames();
        this.area = area;
    }

    int setGdt(PvVcpu vcpu, long[] gdtFrames, int entries) {
        int pages = (entries + PER_FRAME - 1) / PER_FRAME;
        if (entries < 0 || entries > DescriptorAudit.FIRST_RESERVED || gdtFrames.length < pages) {
            return Errno.EINVAL;
        }
        for (int page = 0; page < pages; page++) {
            if (!take(gdtFrames[page])) {
                for (int taken = page - 1; taken >= 0; taken--) {
                    drop(gdtFrames[taken]);
                }
                return Errno.EINVAL;
            }
        }
        for (int page = 0; page < vcpu.gdtFrames.length; page++) {
            long old = vcpu.gdtFrames[page];
            vcpu.gdtFrames[page] = page < pages ? gdtFrames[page] : PvTables.NONE;
            if (page < pages) {
                area.mapGdt(vcpu.number, page, gdtFrames[page]);
            } else {
                area.unmapGdt(vcpu.number, page);
            }
            if (old != vcpu.gdtFrames[page]) {
                tables.host().invalidate(vcpu.number, PerDomainArea.gdtBase(vcpu.number) + ((long) page << 12));
            }
            if (old != PvTables.NONE) {
                drop(old);
            }
        }
        return Errno.OK;
    }

    int setLdt(PvVcpu vcpu, long linear, int entries) {
        boolean isSound = entries == 0 || (linear & 0xFFF) == 0 && isGuest(linear, entries);
        if (entries < 0 || entries > MOST_LDT_ENTRIES || !isSound) {
            return Errno.EINVAL;
        }
        forgetLdt(vcpu);
        vcpu.ldtLinear = linear;
        vcpu.ldtEntries = entries;
        return Errno.OK;
    }

    /** Canonical, and none of it among the hypervisor's slots. */
    private static boolean isGuest(long linear, int entries) {
        long last = linear + 8L * entries - 1;
        return linear << 16 >> 16 == linear
                && last << 16 >> 16 == last
                && linear < 0 == last < 0
                && !ReservedSlots.contains(LongModeEntry.index(linear, 4))
                && !ReservedSlots.contains(LongModeEntry.index(last, 4));
    }

    /** @return whether the LDT's page at {@code linear} of the area is there now */
    boolean mapLdtPage(PvVcpu vcpu, long linear) {
        long offset = linear - PerDomainArea.ldtBase(vcpu.number);
        if (offset < 0 || offset >= 8L * vcpu.ldtEntries) {
            return false;
        }
        int page = (int) (offset >>> 12);
        if (vcpu.ldtFrames[page] != PvTables.NONE) {
            return true;
        }
        long address = tables.walk().leafAddress(vcpu.kernelBase, vcpu.ldtLinear + ((long) page << 12));
        long entry = address < 0 ? 0 : memory.readLong(address);
        long mfn = LongModeEntry.frame(entry);
        if (!LongModeEntry.isPresent(entry) || !take(mfn)) {
            return false;
        }
        vcpu.ldtFrames[page] = mfn;
        area.mapLdt(vcpu.number, page, mfn);
        return true;
    }

    /** What was mapped of LDTs may be mapped no longer by the guest's own tables: it is looked up again when it is used. */
    void forgetLdts() {
        for (int i = 0; i < tables.vcpus(); i++) {
            forgetLdt(tables.vcpu(i));
        }
    }

    void forgetLdt(PvVcpu vcpu) {
        for (int page = 0; page < vcpu.ldtFrames.length; page++) {
            long mfn = vcpu.ldtFrames[page];
            if (mfn != PvTables.NONE) {
                vcpu.ldtFrames[page] = PvTables.NONE;
                area.unmapLdt(vcpu.number, page);
                tables.host().invalidate(vcpu.number, PerDomainArea.ldtBase(vcpu.number) + ((long) page << 12));
                drop(mfn);
            }
        }
    }

    /** Stores one descriptor of a live table of descriptors, or of a frame that can become one. */
    int update(long maddr, long value) {
        long mfn = maddr >>> 12;
        long admitted = DescriptorAudit.admit(value);
        boolean isSound = (maddr & 7) == 0 && admitted != DescriptorAudit.REFUSED;
        if (!isSound || !frames.isOwnedBy(mfn, tables.domain()) || !frames.take(mfn)) {
            return Errno.EINVAL;
        }
        boolean isLive = frames.type(mfn) == FrameType.SEGMENT_DESCRIPTORS && frames.typeCount(mfn) > 0;
        FrameType type = isLive ? FrameType.SEGMENT_DESCRIPTORS : FrameType.WRITABLE;
        int result = machine.types.take(mfn, type) == Errno.OK ? Errno.OK : Errno.EINVAL;
        if (result == Errno.OK) {
            tables.host().markDirty(mfn);
            memory.writeLong(maddr, admitted);
            machine.types.drop(mfn);
        }
        machine.drop(mfn);
        return result;
    }

    private boolean take(long mfn) {
        if (!frames.isOwnedBy(mfn, tables.domain()) || !frames.take(mfn)) {
            return false;
        }
        if (machine.types.take(mfn, FrameType.SEGMENT_DESCRIPTORS) != Errno.OK) {
            machine.drop(mfn);
            return false;
        }
        return true;
    }

    private void drop(long mfn) {
        machine.types.drop(mfn);
        machine.stamp(mfn);
        machine.drop(mfn);
    }
}
