package io.umbra.tools.matrix;

import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.Paging;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/**
 * The paging hardware below an engine: walks the tables that {@link #load} named, in machine memory, with WP and NXE on, each time anew. Apart from EFLAGS.AC and PKRU it knows nothing of the guest's registers. Intel
 * SDM vol. 3A, "Determination of Access Rights".
 *
 * <p>An engine keeps A and, in what can be written, D set in all its entries, and has no large pages: the rules {@code MATRIX-1} and {@code MATRIX-2}, broken by an entry that hardware would have to write to or read
 * otherwise.
 */
class ShadowHardware implements Hardware {
    private static final long LINEAR_32 = 0xFFFF_FFFFL;
    private static final int TOP_OF_PAE = 2;

    private final MachineMemory memory;
    private final VcpuState state;
    private final long[] pdptes = new long[4];
    private boolean isPae;
    private long root;
    private int levels;
    private boolean smep;
    private boolean smap;
    private boolean protectionKeys;
    /** Of the last {@link #translate} that gave -1: as an engine gets it, with the implicit bit. */
    private int faultCode;

    ShadowHardware(MachineMemory memory, VcpuState state) {
        this.memory = memory;
        this.state = state;
    }

    @Override
    public void load(HardwarePaging paging) {
        switch (paging) {
            case HardwarePaging.Shadow shadow -> {
                isPae = false;
                root = shadow.root();
                levels = shadow.levels();
                smep = shadow.smep();
                smap = shadow.smap();
                protectionKeys = shadow.protectionKeys();
            }
            case HardwarePaging.PaeShadow shadow -> {
                isPae = true;
                pdptes[0] = shadow.pdpte0();
                pdptes[1] = shadow.pdpte1();
                pdptes[2] = shadow.pdpte2();
                pdptes[3] = shadow.pdpte3();
                levels = TOP_OF_PAE;
                smep = shadow.smep();
                smap = shadow.smap();
                protectionKeys = false;
            }
            case HardwarePaging.Nested _ ->
                throw new IllegalArgumentException("an engine of shadows wants nested paging");
        }
    }

    @Override
    public void invalidate(long linear) {}

    @Override
    public void flush() {}

    @Override
    public FaultOutcome refused(Paging engine, long linear) {
        return engine.pageFault(0, linear, faultCode);
    }

    @Override
    public long translate(long address, int access) {
        long linear = isPae ? address & LINEAR_32 : address;
        long table = isPae ? pdptes[(int) (linear >>> 30)] : root;
        if (isPae && !LongModeEntry.isPresent(table)) {
            return fault(access);
        }
        long granted = -1;
        boolean noExecute = false;
        long entry = 0;
        for (int level = levels; level > 0; level--) {
            entry = memory.readLong((table & LongModeEntry.FRAME_MASK) + 8L * LongModeEntry.index(linear, level));
            if (!LongModeEntry.isPresent(entry)) {
                return fault(access);
            }
            check(entry, level);
            granted &= entry;
            noExecute |= LongModeEntry.isNoExecute(entry);
            table = entry;
        }
        boolean user = LongModeEntry.isUser(granted);
        if (protectionKeys && user && keyRefuses(LongModeEntry.key(entry), access)) {
            return fault(access | PageFaultCode.PRESENT | PageFaultCode.PROTECTION_KEY);
        }
        return permits(access, LongModeEntry.isWritable(granted), user, noExecute)
                ? (entry & LongModeEntry.FRAME_MASK) + (linear & 0xFFF)
                : fault(access | PageFaultCode.PRESENT);
    }

    private long fault(int code) {
        faultCode = code;
        return -1;
    }

    private void check(long entry, int level) {
        boolean setsDirty = level == 1 && LongModeEntry.isWritable(entry) && !LongModeEntry.isDirty(entry);
        if (!LongModeEntry.isAccessed(entry) || setsDirty) {
            throw new InvariantViolation("MATRIX-1", "hardware would set A or D in 0x" + Long.toHexString(entry));
        }
        if (LongModeEntry.hasPageSize(entry) || !memory.contains(LongModeEntry.frame(entry))) {
            throw new InvariantViolation("MATRIX-2", "no frame of shadows or memory: 0x" + Long.toHexString(entry));
        }
    }

    private boolean keyRefuses(int key, int access) {
        int rights = state.pkru >>> 2 * key;
        boolean isWrite = (access & PageFaultCode.WRITE) != 0;
        return (access & PageFaultCode.FETCH) == 0 && ((rights & 1) != 0 || isWrite && (rights & 2) != 0);
    }

    private boolean permits(int access, boolean writable, boolean user, boolean noExecute) {
        boolean isFetch = (access & PageFaultCode.FETCH) != 0;
        if (isFetch && noExecute || (access & PageFaultCode.WRITE) != 0 && !writable) {
            return false;
        }
        if ((access & PageFaultCode.USER) != 0) {
            return user;
        }
        if (!user) {
            return true;
        }
        boolean excused = (state.rflags & RFlags.ALIGNMENT_CHECK) != 0 && (access & PageFaultCode.IMPLICIT) == 0;
        return isFetch ? !smep : !smap || excused;
    }
}
