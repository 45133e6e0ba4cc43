package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The reverse maps and the counts of writable mappings and of tables: RMAP-1, RMAP-2, RMAP-3. */
final class MappingAudit {
    private final ShadowPaging engine;
    private final ShadowTables tables;
    private final List<Finding> findings;
    private final int frames;

    MappingAudit(ShadowPaging engine, List<Finding> findings) {
        this.engine = engine;
        this.tables = engine.tables;
        this.findings = findings;
        this.frames = Math.toIntExact(engine.memory.frames());
    }

    void run() {
        BitSet listed = listedNodes();
        int[] writable = new int[frames];
        for (ShadowPage page : Auditor.livePages(tables)) {
            if (page.liveType().level() != 1) {
                continue;
            }
            for (int slot = 0; slot < page.liveType().slots(); slot++) {
                long entry = engine.memory.readLong(page.entryAddress(slot));
                if (!LongModeEntry.isPresent(entry)) {
                    continue;
                }
                int node = ReverseMap.node(page, slot);
                if (!listed.get(node)) {
                    found("RMAP-1", "slot " + slot + " of " + page + " is not listed under the frame that it maps");
                }
                if (LongModeEntry.isWritable(entry)) {
                    writable[(int) LongModeEntry.frame(entry)]++;
                }
            }
        }
        for (int mfn = 0; mfn < frames; mfn++) {
            if (tables.frames.writableMappings(mfn) != writable[mfn]) {
                found(
                        "RMAP-2",
                        "frame 0x" + Integer.toHexString(mfn) + " counts " + tables.frames.writableMappings(mfn)
                                + " writable mappings, and has " + writable[mfn]);
            }
        }
        largeLeaves();
        tablesInRuns();
    }

    /** RMAP-3: what is listed under the runs of frames, and what level 2 maps. */
    private void largeLeaves() {
        Set<String> listed = new TreeSet<>();
        ReverseMap mappings = tables.large.mappings();
        for (int run = 0; run <= LargeLeaves.run(frames - 1L); run++) {
            int most = tables.pool.size() * LongModeEntry.ENTRIES;
            for (int node = mappings.first(run); node >= 0 && most > 0; node = mappings.next(node), most--) {
                listed.add(place(run, mappings.page(node).index, mappings.slot(node)));
            }
        }
        Set<String> present = new TreeSet<>();
        for (ShadowPage page : Auditor.livePages(tables)) {
            for (int slot = 0;
                    page.liveType().level() > 1 && slot < page.liveType().slots();
                    slot++) {
                long entry = engine.memory.readLong(page.entryAddress(slot));
                if (LongModeEntry.isPresent(entry) && LongModeEntry.hasPageSize(entry)) {
                    present.add(place(LongModeEntry.frame(entry) / LongModeEntry.ENTRIES, page.index, slot));
                }
            }
        }
        if (!listed.equals(present)) {
            found("RMAP-3", "the large leaves are " + present + ", and the list says " + listed);
        }
    }

    private static String place(long run, int page, int slot) {
        return "run 0x" + Long.toHexString(run) + " at page " + page + " slot " + slot;
    }

    /** RMAP-3: by which it is known that a large leaf maps no table. */
    private void tablesInRuns() {
        int[] counted = new int[frames / LongModeEntry.ENTRIES + 1];
        for (int mfn = 0; mfn < frames; mfn++) {
            counted[mfn / LongModeEntry.ENTRIES] += tables.frames.shadowTypes(mfn) != 0 ? 1 : 0;
        }
        for (int run = 0; run < counted.length; run++) {
            if (counted[run] != tables.frames.tablesInRun(run)) {
                found(
                        "RMAP-3",
                        "run 0x" + Integer.toHexString(run) + " counts " + tables.frames.tablesInRun(run)
                                + " tables, and has " + counted[run]);
            }
        }
    }

    /** The nodes in all lists; each must be a present leaf that maps the list's frame, and stand in one list, once. */
    private BitSet listedNodes() {
        BitSet listed = new BitSet();
        for (int mfn = 0; mfn < frames; mfn++) {
            for (int node = tables.reverseMap.first(mfn); node >= 0; node = tables.reverseMap.next(node)) {
                if (listed.get(node)) {
                    found("RMAP-1", "node " + node + " is listed twice");
                    break;
                }
                listed.set(node);
                if (!isLeafOf(node, mfn)) {
                    found("RMAP-1", "frame 0x" + Integer.toHexString(mfn) + " lists what is no leaf of it");
                    break;
                }
            }
        }
        return listed;
    }

    private boolean isLeafOf(int node, long mfn) {
        ShadowPage page = tables.reverseMap.page(node);
        if (page.type == null || page.type.level() != 1) {
            return false;
        }
        long entry = engine.memory.readLong(page.entryAddress(tables.reverseMap.slot(node)));
        return LongModeEntry.isPresent(entry) && LongModeEntry.frame(entry) == mfn;
    }

    private void found(String rule, String message) {
        findings.add(new Finding(rule, message));
    }
}
