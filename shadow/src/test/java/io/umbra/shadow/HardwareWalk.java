package io.umbra.shadow;

import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.HashMap;
import java.util.Map;

/**
 * The paging hardware of a processor, as simple as it can be: walks the tables that {@link Tlb#load} named, in machine memory, with WP and NXE on. It keeps every
 * translation, and every level-2 entry it used, until it is told to forget them or they make an access fault: a missing invalidation shows as soon as it can.
 */
class HardwareWalk implements Tlb {
    /** How the last successful {@link #translate} came by its answer. */
    enum Source {
        TLB,
        TABLES
    }

    /** What a path through the tables grants together, and where it leads: a page, or a level-1 table. */
    private record Path(long mfn, boolean writable, boolean user, boolean noExecute) {
        Path through(long entry) {
            return new Path(
                    LongModeEntry.frame(entry),
                    writable && LongModeEntry.isWritable(entry),
                    user && LongModeEntry.isUser(entry),
                    noExecute || LongModeEntry.isNoExecute(entry));
        }
    }

    private final MachineMemory memory;
    private final VcpuState state;
    private final Map<Long, Path> pages = new HashMap<>();
    private final Map<Long, Path> levelOneTables = new HashMap<>();
    private HardwarePaging.Shadow paging = new HardwarePaging.Shadow(0, false, false);
    private int faultCode;
    private Source source = Source.TABLES;

    HardwareWalk(MachineMemory memory, VcpuState state) {
        this.memory = memory;
        this.state = state;
    }

    @Override
    public void load(HardwarePaging loaded) {
        this.paging = (HardwarePaging.Shadow) loaded;
        forget();
    }

    @Override
    public void invalidate(long linear) {
        pages.remove(linear >>> 12);
        levelOneTables.clear();
    }

    @Override
    public void flush() {
        forget();
    }

    private void forget() {
        pages.clear();
        levelOneTables.clear();
    }

    /** @return the machine address, or -1 when the access faults with {@link #faultCode} */
    long translate(long linear, int access) {
        Path page = pages.get(linear >>> 12);
        source = page == null ? Source.TABLES : Source.TLB;
        if (page == null) {
            page = walk(linear);
        }
        if (page == null || !permits(page, access)) {
            faultCode = access | (page == null ? 0 : PageFaultCode.PRESENT);
            pages.remove(linear >>> 12);
            levelOneTables.remove(linear >>> 21);
            return -1;
        }
        pages.put(linear >>> 12, page);
        return page.mfn << 12 | linear & 0xFFF;
    }

    int faultCode() {
        return faultCode;
    }

    Source source() {
        return source;
    }

    /** The path that the tables give for {@code linear}, or null where an entry is absent. */
    private Path walk(long linear) {
        Path path = levelOneTables.get(linear >>> 21);
        if (path == null) {
            path = new Path(paging.root() >>> 12, true, true, false);
            for (int level = 4; level > 1; level--) {
                path = step(path, linear, level);
                if (path == null) {
                    return null;
                }
            }
            levelOneTables.put(linear >>> 21, path);
        }
        return step(path, linear, 1);
    }

    private Path step(Path path, long linear, int level) {
        long entry = memory.readLong((path.mfn << 12) + LongModeEntry.index(linear, level) * 8L);
        if (!LongModeEntry.isPresent(entry)) {
            return null;
        }
        boolean setsDirty = level == 1 && LongModeEntry.isWritable(entry) && !LongModeEntry.isDirty(entry);
        if (!LongModeEntry.isAccessed(entry) || setsDirty || LongModeEntry.hasPageSize(entry)) {
            throw new AssertionError("hardware would write A or D, or find a large page: 0x" + Long.toHexString(entry));
        }
        return path.through(entry);
    }

    private boolean permits(Path page, int access) {
        boolean write = (access & PageFaultCode.WRITE) != 0;
        boolean fetch = (access & PageFaultCode.FETCH) != 0;
        boolean byUser = (access & PageFaultCode.USER) != 0;
        boolean implicit = (access & PageFaultCode.IMPLICIT) != 0;
        if (fetch && page.noExecute || write && !page.writable || byUser && !page.user) {
            return false;
        }
        if (byUser || !page.user) {
            return true;
        }
        boolean alignmentCheck = (state.rflags & RFlags.ALIGNMENT_CHECK) != 0;
        return fetch ? !paging.smep() : !paging.smap() || alignmentCheck && !implicit;
    }
}
