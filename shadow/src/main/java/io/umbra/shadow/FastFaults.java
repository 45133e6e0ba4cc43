package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.Cr4;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/**
 * Answers faults from the {@link FaultTag tags} in the shadows alone, and leaves tags behind for the next fault. A tag lives in the shadow of the very entry it speaks of, so what changes the entry removes it; the tags of
 * device memory go with the P2M entry too, one by one. Tags in a table that is out of sync are not believed. Xen: the fast path of {@code sh_page_fault}.
 */
final class FastFaults {
    private final ShadowTables tables;
    private final Counters counters;
    private final boolean isOn;
    private final boolean tagsNotPresent;

    FastFaults(ShadowTables tables, Counters counters, ShadowPolicy policy) {
        this.tables = tables;
        this.counters = counters;
        this.isOn = policy.isOn(PolicyOption.FAST_FAULTS) && policy.writeProtects();
        this.tagsNotPresent = isOn && policy.coherence() == ShadowPolicy.Coherence.WRITE_PROTECT;
    }

    boolean isOn() {
        return isOn;
    }

    /** @return null when the shadows do not tell */
    @Nullable
    FaultOutcome answer(ShadowVcpu vcpu, long linear, int code) {
        if (!isOn || (code & PageFaultCode.PRESENT) != 0) {
            return null;
        }
        ShadowPage page = vcpu.path.table(vcpu, linear);
        if (page == null || page.liveType().shadowsTable() && tables.frames.isOutOfSync(page.frame)) {
            return null;
        }
        long leaf = tables.entry(page, page.liveType().index(linear));
        if (FaultTag.isNotPresent(leaf)) {
            counters.add(Counter.FAST_NOT_PRESENT);
            return new GuestFault(
                    GuestWalker.faultCode(vcpu.state, page.liveType().format(), 0, code));
        }
        if (FaultTag.isDevice(leaf) && isPlainAccess(vcpu.state, code, vcpu.path.rights & leaf)) {
            counters.add(Counter.FAST_MMIO);
            return Emulate.MMIO;
        }
        return null;
    }

    /** Whether the access is surely permitted; the rest is for the walk to decide. */
    private static boolean isPlainAccess(VcpuState state, int code, long rights) {
        boolean user = LongModeEntry.isUser(rights);
        boolean permitsSupervisor = !user
                || (state.cr4 & (Cr4.SMAP | Cr4.PROTECTION_KEYS)) == 0
                || (state.cr4 & Cr4.PROTECTION_KEYS) == 0
                        && (state.rflags & RFlags.ALIGNMENT_CHECK) != 0
                        && (code & PageFaultCode.IMPLICIT) == 0;
        boolean permitsUser = user && (state.cr4 & Cr4.PROTECTION_KEYS) == 0;
        return (code & PageFaultCode.FETCH) == 0
                && ((code & PageFaultCode.WRITE) == 0 || LongModeEntry.isWritable(rights))
                && ((code & PageFaultCode.USER) != 0 ? permitsUser : permitsSupervisor);
    }

    /** The walk ended at an absent level-1 entry: its shadow, if there is one, shall say so. */
    void notPresent(ShadowVcpu vcpu, GuestWalk walk) {
        if (!tagsNotPresent || walk.absentLevel != 1 || walk.tables[1] < 0) {
            return;
        }
        ShadowPage page = tables.find(walk.tables[1], ShadowType.ofTable(walk.format, 1));
        if (page != null) {
            tables.setLeaf(page, page.liveType().index(walk.linear), FaultTag.NOT_PRESENT);
        }
    }

    /** The walk led to device memory and {@code table}, the last of its path, has no leaf for it: the leaf becomes a tag. */
    void device(GuestWalk walk, ShadowPage table) {
        boolean believed = !table.liveType().shadowsTable() || !tables.frames.isOutOfSync(table.frame);
        if (believed) {
            long guest = walk.leafLevel == 1 ? walk.entries[1] : Propagation.FABRICATED;
            long tag = FaultTag.device(guest, walk.gfn, walk.format.hasNoExecute(walk.rules));
            tables.setLeaf(table, table.liveType().index(walk.linear), tag);
        }
    }

    /** The P2M's entries of these frames are about to change. */
    void p2mChanges(long gfn, long count) {
        for (int i = 0; i < tables.pool.size(); i++) {
            ShadowPage page = tables.pool.page(i);
            if (page.isShadow() && page.deviceTags > 0) {
                dropTags(page, gfn, gfn + count);
            }
        }
    }

    private void dropTags(ShadowPage page, long first, long end) {
        for (int slot = 0; slot < page.liveType().slots(); slot++) {
            long entry = tables.entry(page, slot);
            if (FaultTag.isDevice(entry) && FaultTag.gfn(entry) >= first && FaultTag.gfn(entry) < end) {
                tables.setLeaf(page, slot, 0);
            }
        }
    }
}
