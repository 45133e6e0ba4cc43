package io.umbra.shadow;

import io.umbra.x86.Cr4;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PaeEntry;
import io.umbra.x86.TwoLevelEntry;
import io.umbra.x86.VcpuState;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The roots that a vCPU's hardware walks from. Xen: {@code sh_update_cr3}.
 *
 * <pre>
 *  guest          its root                  hardware walks
 *  not paging     none                      4 levels from UNPAGED_L4
 *  two-level      CR3                       PAE, from the four pages of one L2_32
 *  PAE            four PDPTE registers      PAE, from up to four L2_PAE
 *  four-level     CR3                       4 levels from an L4_64
 *  five-level     CR3                       5 levels from an L5_64
 * </pre>
 *
 * <p>A root of the guest's where there is no memory has no shadow: nothing is mapped below it.
 */
final class Roots {
    /** The frame number under which the root is kept that maps nothing. */
    static final long NO_FRAME = -1;

    private final ShadowTables tables;
    private final P2m p2m;
    private final Reclaim reclaim;
    private final boolean writeProtects;

    Roots(ShadowTables tables, P2m p2m, Reclaim reclaim, ShadowPolicy policy) {
        this.tables = tables;
        this.p2m = p2m;
        this.reclaim = reclaim;
        this.writeProtects = policy.writeProtects();
    }

    /** Finds or makes the shadows of the guest's roots and gives them to hardware; its TLB stays as it is but where shadows do not outlive a flush by the guest. */
    void update(ShadowVcpu vcpu) {
        load(vcpu, false);
    }

    /** Gives hardware roots that map nothing: for a time in which the guest's are changing. */
    void loadNothing(ShadowVcpu vcpu) {
        load(vcpu, true);
    }

    private void load(ShadowVcpu vcpu, boolean nothing) {
        ShadowType type = typeOf(vcpu.state);
        reclaim.makeRoom(type.pagesOfRoots());
        @Nullable ShadowPage[] old = vcpu.rootsBefore;
        System.arraycopy(vcpu.roots, 0, old, 0, old.length);
        for (int i = 0; i < vcpu.roots.length; i++) {
            long frame = nothing ? NO_FRAME : frame(vcpu.state, type, i);
            vcpu.roots[i] = null;
            if (frame != NO_FRAME) {
                hold(vcpu, i, frame, type);
            } else if (i == 0 && type.format() == GuestFormat.LONG) {
                hold(vcpu, i, NO_FRAME, ShadowType.UNPAGED_L4);
            }
        }
        vcpu.rootType = type;
        if (writeProtects) {
            vcpu.tlb.reload(hardware(vcpu, type));
        } else {
            vcpu.tlb.load(hardware(vcpu, type));
        }
        for (int i = 0; i < old.length; i++) {
            ShadowPage root = old[i];
            old[i] = null;
            if (root != null) {
                tables.dropReference(root);
            }
        }
    }

    private void hold(ShadowVcpu vcpu, int place, long frame, ShadowType type) {
        ShadowPage root = tables.findOrMake(frame, type);
        ShadowTables.takeReference(root);
        if (writeProtects) {
            tables.pin(root);
        }
        vcpu.roots[place] = root;
    }

    /** The type of the guest's roots in its present mode. */
    static ShadowType typeOf(VcpuState state) {
        if (!state.isPaging()) {
            return ShadowType.UNPAGED_L4;
        }
        if (state.isLongModeActive()) {
            return (state.cr4 & Cr4.FIVE_LEVEL) != 0 ? ShadowType.L5_64 : ShadowType.L4_64;
        }
        return (state.cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) != 0 ? ShadowType.L2_PAE : ShadowType.L2_32;
    }

    /** The guest frame of root {@code place}, or -1 where the guest has none. */
    static long gfn(VcpuState state, ShadowType type, int place) {
        if (type == ShadowType.L2_32) {
            return place == 0 ? TwoLevelEntry.frame(state.cr3) : -1;
        }
        if (type == ShadowType.L2_PAE) {
            return LongModeEntry.isPresent(state.pdpte[place]) ? LongModeEntry.frame(state.pdpte[place]) : -1;
        }
        return place == 0 && type.shadowsTable() ? LongModeEntry.frame(state.cr3) : -1;
    }

    /** What the shadow of root {@code place} is found by, or {@link #NO_FRAME}. */
    private long frame(VcpuState state, ShadowType type, int place) {
        if (type == ShadowType.UNPAGED_L4) {
            return place == 0 ? 0 : NO_FRAME;
        }
        long gfn = gfn(state, type, place);
        long entry = gfn < 0 ? 0 : p2m.lookup(gfn);
        return P2m.isBacked(entry) ? P2m.mfn(entry) : NO_FRAME;
    }

    /** With four or five levels the same object as the last time for this root, if nothing has changed. */
    private static HardwarePaging hardware(ShadowVcpu vcpu, ShadowType type) {
        VcpuState state = vcpu.state;
        boolean smep = state.isPaging() && (state.cr4 & Cr4.SMEP) != 0;
        boolean smap = state.isPaging() && (state.cr4 & Cr4.SMAP) != 0;
        if (type.format() == GuestFormat.LONG) {
            boolean keys = state.isPaging() && (state.cr4 & Cr4.PROTECTION_KEYS) != 0;
            int levels = type == ShadowType.L5_64 ? 5 : 4;
            ShadowPage root = vcpu.loadedRoot();
            HardwarePaging.Shadow last = root.loadedAs;
            if (last == null || !isSame(last, levels, smep, smap, keys)) {
                last = new HardwarePaging.Shadow(root.mfn << 12, levels, smep, smap, keys);
                root.loadedAs = last;
            }
            return last;
        }
        return new HardwarePaging.PaeShadow(
                pdpte(vcpu, type, 0), pdpte(vcpu, type, 1), pdpte(vcpu, type, 2), pdpte(vcpu, type, 3), smep, smap);
    }

    private static boolean isSame(HardwarePaging.Shadow last, int levels, boolean smep, boolean smap, boolean keys) {
        return last.levels() == levels && last.smep() == smep && last.smap() == smap && last.protectionKeys() == keys;
    }

    /** P alone: hardware's PDPTEs have no rights. */
    private static long pdpte(ShadowVcpu vcpu, ShadowType type, int place) {
        ShadowPage root = vcpu.roots[type == ShadowType.L2_32 ? 0 : place];
        if (root == null) {
            return 0;
        }
        ShadowPage page = type == ShadowType.L2_32 ? root.pageOf(place * LongModeEntry.ENTRIES) : root;
        return LongModeEntry.of(page.mfn, LongModeEntry.PRESENT);
    }

    /** Whether shadows of all the guest's roots exist already. */
    boolean areKept(VcpuState state) {
        ShadowType type = typeOf(state);
        for (int i = 0; i < PaeEntry.POINTERS; i++) {
            long frame = frame(state, type, i);
            if (frame != NO_FRAME && tables.find(frame, type) == null) {
                return false;
            }
        }
        return true;
    }

    /** Whether a vCPU has the shadow of the frame loaded. */
    static boolean holds(List<ShadowVcpu> vcpus, long mfn) {
        for (ShadowVcpu vcpu : vcpus) {
            for (ShadowPage root : vcpu.roots) {
                if (root != null && root.liveType().shadowsTable() && root.frame == mfn) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Whether one of the guest's roots is among the frames. */
    static boolean isWithin(VcpuState state, long gfn, long count) {
        ShadowType type = typeOf(state);
        for (int i = 0; i < PaeEntry.POINTERS; i++) {
            long root = gfn(state, type, i);
            if (root >= gfn && root < gfn + count) {
                return true;
            }
        }
        return false;
    }

    /** The vCPU lets go of its roots: hardware walks nothing any more. */
    void release(ShadowVcpu vcpu) {
        for (int i = 0; i < vcpu.roots.length; i++) {
            ShadowPage root = vcpu.roots[i];
            vcpu.roots[i] = null;
            if (root != null) {
                tables.dropReference(root);
            }
        }
    }

    /** Empties every loaded root. */
    void unhook(ShadowVcpu vcpu) {
        for (ShadowPage root : vcpu.roots) {
            if (root != null) {
                tables.unhook(root);
            }
        }
    }
}
