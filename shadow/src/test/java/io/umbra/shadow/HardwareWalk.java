package io.umbra.shadow;

import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PaeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The paging hardware of a processor, as simple as it can be: walks the tables that {@link Tlb#load} named, in machine memory and in long-mode or PAE format, with WP and NXE on. It keeps every
 * translation, and every level-2 entry it used, until it is told to forget them or they make an access fault: a missing invalidation shows as soon as it can.
 */
class HardwareWalk implements Tlb {
    /** How the last successful {@link #translate} came by its answer. */
    enum Source {
        TLB,
        TABLES
    }

    /** What a path through the tables grants together, and where it leads: a page, a level-1 table, or a large page. */
    private record Path(long mfn, boolean writable, boolean user, boolean noExecute, int key, boolean large) {
        Path through(long entry) {
            return new Path(
                    LongModeEntry.frame(entry),
                    writable && LongModeEntry.isWritable(entry),
                    user && LongModeEntry.isUser(entry),
                    noExecute || LongModeEntry.isNoExecute(entry),
                    LongModeEntry.key(entry),
                    LongModeEntry.hasPageSize(entry));
        }

        /** The small page of a large one. */
        Path at(long linear) {
            return new Path(mfn + LongModeEntry.index(linear, 1), writable, user, noExecute, key, true);
        }

        static Path from(long mfn) {
            return new Path(mfn, true, true, false, 0, false);
        }
    }

    private final MachineMemory memory;
    private final VcpuState state;
    private final Map<Long, Path> pages = new HashMap<>();
    private final Map<Long, Path> levelOneTables = new HashMap<>();
    private HardwarePaging paging = new HardwarePaging.Shadow(0, false, false);
    private int faultCode;
    private Source source = Source.TABLES;

    HardwareWalk(MachineMemory memory, VcpuState state) {
        this.memory = memory;
        this.state = state;
    }

    @Override
    public void load(HardwarePaging loaded) {
        this.paging = loaded;
        forget();
    }

    @Override
    public void reload(HardwarePaging loaded) {
        if (!loaded.equals(paging)) {
            load(loaded);
        }
    }

    @Override
    public void invalidateEntry(int level, int index) {
        int shift = LongModeEntry.indexShift(level) - 12;
        pages.keySet().removeIf(page -> (page >>> shift & LongModeEntry.ENTRIES - 1) == index);
        if (level > 1) {
            levelOneTables.keySet().removeIf(place -> (place & LongModeEntry.ENTRIES - 1) == index);
        }
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

    /**
     * @param linear canonical in the guest's mode
     * @return the machine address, or -1 when the access faults with {@link #faultCode}
     */
    long translate(long linear, int access) {
        Path page = pages.get(linear >>> 12);
        source = page == null ? Source.TABLES : Source.TLB;
        if (page == null) {
            page = walk(linear);
        }
        boolean keyRefuses = page != null && keyRefuses(page, access);
        if (page == null || keyRefuses || !permits(page, access)) {
            faultCode = access | (page == null ? 0 : PageFaultCode.PRESENT);
            faultCode |= keyRefuses ? PageFaultCode.PROTECTION_KEY : 0;
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

    /** What was loaded last. */
    HardwarePaging loaded() {
        return paging;
    }

    /** The path that the tables give for {@code linear}, or null where an entry is absent. */
    private @Nullable Path walk(long linear) {
        Path path = levelOneTables.get(linear >>> 21);
        if (path == null) {
            path = toLevelOne(linear);
            if (path == null) {
                return null;
            }
            levelOneTables.put(linear >>> 21, path);
        } else if (path.large) {
            source = Source.TLB;
        }
        return path.large ? path.at(linear) : step(path, linear, 1);
    }

    private @Nullable Path toLevelOne(long linear) {
        int level = switch (paging) {
            case HardwarePaging.Shadow shadow -> shadow.levels();
            case HardwarePaging.PaeShadow _ -> 2;
            case HardwarePaging.Nested _ -> throw new AssertionError("nested paging under shadows");
        };
        Path path = switch (paging) {
            case HardwarePaging.PaeShadow pae -> ofPointer(pae, linear);
            case HardwarePaging.Shadow shadow -> Path.from(shadow.root() >>> 12);
            case HardwarePaging.Nested _ -> null;
        };
        for (; path != null && level > 1; level--) {
            path = step(path, linear, level);
        }
        return path;
    }

    /** Where the PDPTE register leads. */
    private static @Nullable Path ofPointer(HardwarePaging.PaeShadow pae, long linear) {
        if (linear >>> 32 != 0) {
            throw new AssertionError("no address of 32 bits: 0x" + Long.toHexString(linear));
        }
        long pointer = switch ((int) (linear >>> 30)) {
            case 0 -> pae.pdpte0();
            case 1 -> pae.pdpte1();
            case 2 -> pae.pdpte2();
            default -> pae.pdpte3();
        };
        if ((pointer & 0xFFF & ~LongModeEntry.PRESENT) != 0) {
            throw new AssertionError("hardware would refuse the PDPTE 0x" + Long.toHexString(pointer));
        }
        return LongModeEntry.isPresent(pointer) ? Path.from(LongModeEntry.frame(pointer)) : null;
    }

    private @Nullable Path step(Path path, long linear, int level) {
        long entry = memory.readLong((path.mfn << 12) + LongModeEntry.index(linear, level) * 8L);
        if (!LongModeEntry.isPresent(entry)) {
            return null;
        }
        boolean isLarge = level == 2 && LongModeEntry.hasPageSize(entry);
        boolean setsDirty = (level == 1 || isLarge) && LongModeEntry.isWritable(entry) && !LongModeEntry.isDirty(entry);
        boolean isReserved = paging instanceof HardwarePaging.PaeShadow && (entry & PaeEntry.RESERVED_HIGH) != 0;
        isReserved |= LongModeEntry.hasPageSize(entry) && !isLarge;
        isReserved |= isLarge && LongModeEntry.index(entry, 1) != 0;
        if (!LongModeEntry.isAccessed(entry) || setsDirty || isReserved) {
            throw new AssertionError(
                    "hardware would write A or D, or find a reserved bit: 0x" + Long.toHexString(entry));
        }
        return path.through(entry);
    }

    /** PKRU, for data on user pages. */
    private boolean keyRefuses(Path page, int access) {
        boolean enabled = paging instanceof HardwarePaging.Shadow shadow && shadow.protectionKeys();
        if (!enabled || !page.user || (access & PageFaultCode.FETCH) != 0) {
            return false;
        }
        int rights = state.pkru >>> 2 * page.key;
        return (rights & 1) != 0 || (rights & 2) != 0 && (access & PageFaultCode.WRITE) != 0;
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
        return fetch ? !hasSmep() : !hasSmap() || alignmentCheck && !implicit;
    }

    private boolean hasSmep() {
        return switch (paging) {
            case HardwarePaging.Shadow shadow -> shadow.smep();
            case HardwarePaging.PaeShadow pae -> pae.smep();
            case HardwarePaging.Nested _ -> false;
        };
    }

    private boolean hasSmap() {
        return switch (paging) {
            case HardwarePaging.Shadow shadow -> shadow.smap();
            case HardwarePaging.PaeShadow pae -> pae.smap();
            case HardwarePaging.Nested _ -> false;
        };
    }
}
