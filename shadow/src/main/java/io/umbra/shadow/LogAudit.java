package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.BitSet;
import java.util.List;
import java.util.function.LongPredicate;

/** What may be written to without asking is known to be dirty: LOG-1, LOG-2, VRAM-1. */
final class LogAudit {
    private final MachineMemory memory;
    private final P2m p2m;
    private final WriteLog log;
    private final List<Finding> findings;

    LogAudit(MachineMemory memory, P2m p2m, WriteLog log, List<Finding> findings) {
        this.memory = memory;
        this.p2m = p2m;
        this.log = log;
        this.findings = findings;
    }

    void shadows(ShadowTables tables) {
        if (log.isActive()) {
            BitSet writable = writableFrames(tables);
            check(entry -> writable.get((int) P2m.mfn(entry)));
        }
    }

    void nested() {
        if (log.isActive()) {
            check(LongModeEntry::isWritable);
        }
    }

    private BitSet writableFrames(ShadowTables tables) {
        BitSet writable = new BitSet();
        for (ShadowPage page : Auditor.livePages(tables)) {
            for (int slot = 0; slot < page.liveType().slots(); slot++) {
                long entry = memory.readLong(page.entryAddress(slot));
                if (LongModeEntry.isPresent(entry) && LongModeEntry.isWritable(entry)) {
                    int first = (int) LongModeEntry.frame(entry);
                    boolean isLarge = page.liveType().level() > 1 && LongModeEntry.hasPageSize(entry);
                    boolean isLeaf = page.liveType().level() == 1 || isLarge;
                    writable.set(first, first + (isLarge ? LongModeEntry.ENTRIES : isLeaf ? 1 : 0));
                }
            }
        }
        return writable;
    }

    /** @param isWritable of a P2M entry: whether hardware may write to its frame now */
    private void check(LongPredicate isWritable) {
        LogDirty logDirty = log.logDirty;
        for (long gfn = 0; gfn <= p2m.highestGfn(); gfn++) {
            long entry = p2m.lookup(gfn);
            if (!P2m.isBacked(entry) || !isWritable.test(entry)) {
                continue;
            }
            if (logDirty.keepsBack(gfn) && !logDirty.isIncomplete()) {
                found("LOG-1", "gfn 0x" + Long.toHexString(gfn) + " is mapped writable and not in the bitmap");
            }
            if (log.vram.keepsBack(gfn)) {
                found("VRAM-1", "gfn 0x" + Long.toHexString(gfn) + " is mapped writable and not marked");
            }
        }
        if (logDirty.isOn() && logDirty.countFrames() != logDirty.dirtyCount()) {
            found("LOG-2", "the bitmap counts " + logDirty.dirtyCount() + " frames, and has " + logDirty.countFrames());
        }
    }

    private void found(String rule, String message) {
        findings.add(new Finding(rule, message));
    }
}
