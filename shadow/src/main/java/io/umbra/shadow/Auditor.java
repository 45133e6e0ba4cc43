package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PagingMode;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Holds everything that the engine keeps against the numbered rules in the package's description. Written from the rules: it shares entry formats and the
 * P2M's look-up with the engine, and neither its walks nor its propagation. It changes nothing, and must be called between two calls of the engine. Xen: {@code
 * sh_audit_*}, {@code shadow_audit_tables}.
 *
 * <p>This class checks how the shadow pages hang together; {@link EntryAudit} what their entries say; {@link MappingAudit} the reverse map and the counts of writable
 * mappings.
 */
final class Auditor {
    private final ShadowPaging engine;
    private final ShadowTables tables;
    private final List<Finding> findings = new ArrayList<>();

    private Auditor(ShadowPaging engine) {
        this.engine = engine;
        this.tables = engine.tables;
    }

    /**
     * Where the pages of shadows do not hang together (POOL-1) nothing else is looked at: all other checks go through them.
     *
     * @return each breach of a rule; empty when all hold
     */
    static List<Finding> audit(ShadowPaging engine) {
        Auditor auditor = new Auditor(engine);
        auditor.pool();
        if (!auditor.findings.isEmpty()) {
            return auditor.findings;
        }
        auditor.hash();
        auditor.typeMasks();
        auditor.outOfSync();
        auditor.references();
        auditor.pins();
        auditor.roots();
        new EntryAudit(engine, auditor.findings).run();
        new MappingAudit(engine, auditor.findings).run();
        new LogAudit(engine.memory, engine.p2m, engine.log, auditor.findings).shadows(engine.tables);
        return auditor.findings;
    }

    private void found(String rule, String message) {
        findings.add(new Finding(rule, message));
    }

    /** The first pages of the live shadows, in the order of the pool. */
    static List<ShadowPage> livePages(ShadowTables tables) {
        List<ShadowPage> live = new ArrayList<>();
        for (int i = 0; i < tables.pool.size(); i++) {
            if (tables.pool.page(i).isShadow()) {
                live.add(tables.pool.page(i));
            }
        }
        return live;
    }

    /** POOL-1. */
    private void pool() {
        ShadowPool pool = tables.pool;
        Set<ShadowPage> free = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < pool.free(); i++) {
            ShadowPage page = pool.freePage(i);
            if (!free.add(page)) {
                found("POOL-1", "page " + page.index + " is in the list of free pages twice");
            } else if (page.type != null) {
                found("POOL-1", page + " is live and in the list of free pages");
            }
        }
        for (int i = 0; i < pool.size(); i++) {
            ShadowPage page = pool.page(i);
            if (page.type == null && !free.contains(page)) {
                found("POOL-1", "page " + i + " is neither live nor in the list of free pages");
            }
            if (page.isShadow() && !isWhole(page)) {
                found("POOL-1", page + " does not have its " + page.liveType().pages() + " pages");
            }
        }
    }

    /** Its pages follow one another, are of one type and frame, and know their head. */
    private static boolean isWhole(ShadowPage head) {
        int count = 0;
        for (ShadowPage page = head; page != null && count <= ShadowType.MOST_PAGES; page = page.nextPart) {
            if (page.head != head || page.part != count || page.type != head.type || page.frame != head.frame) {
                return false;
            }
            count++;
        }
        return count == head.liveType().pages();
    }

    /** HASH-1. */
    private void hash() {
        List<ShadowPage> live = livePages(tables);
        for (ShadowPage page : live) {
            ShadowPage hit = tables.hash.find(page.frame, page.liveType());
            if (hit != page) {
                found("HASH-1", page + (hit == null ? " is not in the hash" : " has a twin, " + hit));
            }
        }
        if (tables.hash.size() != live.size()) {
            found("HASH-1", tables.hash.size() + " shadows in the hash, " + live.size() + " live");
        }
    }

    /** HASH-2. */
    private void typeMasks() {
        int[] masks = new int[Math.toIntExact(engine.memory.frames())];
        for (ShadowPage page : livePages(tables)) {
            if (page.liveType().shadowsTable()) {
                masks[(int) page.frame] |= page.liveType().bit();
            }
        }
        for (int mfn = 0; mfn < masks.length; mfn++) {
            if (masks[mfn] != tables.frames.shadowTypes(mfn)) {
                found(
                        "HASH-2",
                        "frame 0x" + Integer.toHexString(mfn) + " has shadows of types 0b"
                                + Integer.toBinaryString(masks[mfn]) + ", its mask says 0b"
                                + Integer.toBinaryString(tables.frames.shadowTypes(mfn)));
            }
        }
    }

    /** OOS-1 and OOS-2. */
    private void outOfSync() {
        for (int mfn = 0; mfn < engine.memory.frames(); mfn++) {
            if (!tables.frames.isOutOfSync(mfn)) {
                continue;
            }
            int types = tables.frames.shadowTypes(mfn);
            if (Integer.bitCount(types) != 1 || ShadowType.ALL[Integer.numberOfTrailingZeros(types)].level() != 1) {
                found("OOS-1", "frame 0x" + Integer.toHexString(mfn) + " is out of sync and no level-1 table alone");
            }
            if (tables.frames.writableMappings(mfn) > OutOfSync.FIXUPS || !tables.outOfSync.hasSlot(mfn)) {
                found(
                        "OOS-2",
                        "frame 0x" + Integer.toHexString(mfn)
                                + " is out of sync without a slot, or has too many writers");
            }
        }
    }

    /** REF-1, UP-1, POOL-2. */
    private void references() {
        int[] counts = new int[tables.pool.size()];
        boolean[] hasUpPointer = new boolean[tables.pool.size()];
        List<ShadowPage> live = livePages(tables);
        for (ShadowPage parent : live) {
            int width = parent.liveType().slotsPerEntry();
            for (int slot = 0;
                    parent.liveType().level() > 1 && slot < parent.liveType().slots();
                    slot += width) {
                ShadowPage child = linked(parent, slot);
                if (child != null) {
                    counts[child.index]++;
                    hasUpPointer[child.index] |= child.upPointer == parent.entryAddress(slot);
                    if (child.type == null) {
                        found("POOL-2", "slot " + slot + " of " + parent + " refers to the free page " + child.index);
                    }
                }
            }
        }
        for (ShadowVcpu vcpu : engine.vcpus) {
            for (ShadowPage root : vcpu.roots) {
                if (root != null) {
                    counts[root.index]++;
                }
            }
        }
        for (ShadowPage page : live) {
            int expected = counts[page.index] + (page.pinned ? 1 : 0);
            if (page.references != expected || expected == 0) {
                found("REF-1", page + " counts " + page.references + " references, and has " + expected);
            }
            if (page.upPointer >= 0 && !hasUpPointer[page.index]) {
                found("UP-1", "the up-pointer of " + page + " is no entry that refers to it");
            }
        }
    }

    /** The page that a present entry refers to, dead or alive; null for an absent one, or one to a frame outside the pool (LINK-1). */
    private @Nullable ShadowPage linked(ShadowPage parent, int slot) {
        long entry = engine.memory.readLong(parent.entryAddress(slot));
        long mfn = LongModeEntry.frame(entry);
        if (!LongModeEntry.isPresent(entry) || !engine.memory.contains(mfn) || tables.frames.poolIndex(mfn) < 0) {
            return null;
        }
        return tables.pool.page(tables.frames.poolIndex(mfn));
    }

    /** PIN-1. */
    private void pins() {
        Set<ShadowPage> listed = Collections.newSetFromMap(new IdentityHashMap<>());
        ShadowPage newer = null;
        for (ShadowPage page = tables.pinned.newest(); page != null && listed.add(page); page = page.older) {
            if (page.newer != newer) {
                found("PIN-1", "the list of pins is torn at " + page);
            }
            if (!page.pinned || page.type == null || !page.type.isRoot()) {
                found("PIN-1", page + " is in the list of pins, and no pinned root");
            }
            newer = page;
        }
        if (newer != tables.pinned.oldest() || listed.size() != tables.pinned.size()) {
            found("PIN-1", "the list of pins does not end where it should");
        }
        for (ShadowPage page : livePages(tables)) {
            if (page.pinned && !listed.contains(page)) {
                found("PIN-1", page + " is pinned and not in the list of pins");
            }
        }
    }

    /** ROOT-1 and PATH-1. */
    private void roots() {
        for (int number = 0; number < engine.vcpus.size(); number++) {
            ShadowVcpu vcpu = engine.vcpus.get(number);
            ShadowType type = rootType(vcpu.state);
            if (vcpu.rootType != type) {
                found("ROOT-1", "vCPU " + number + " takes its roots for " + vcpu.rootType + ", they are " + type);
            }
            for (int place = 0; place < vcpu.roots.length; place++) {
                ShadowPage root = vcpu.roots[place];
                if (root != null && (!root.isShadow() || !root.liveType().isRoot())) {
                    found("ROOT-1", "vCPU " + number + " holds no live root");
                } else if (!isRootOf(vcpu.state, place, root)) {
                    found("ROOT-1", "vCPU " + number + " holds " + root + " and not the shadow of its own root");
                }
            }
            if (!vcpu.path.isSound(vcpu)) {
                found("PATH-1", "vCPU " + number + " remembers another path than there is");
            }
        }
    }

    private static ShadowType rootType(VcpuState state) {
        return switch (PagingMode.of(state.cr0, state.cr4, state.efer)) {
            case NONE -> ShadowType.UNPAGED_L4;
            case TWO_LEVEL -> ShadowType.L2_32;
            case PAE -> ShadowType.L2_PAE;
            case FOUR_LEVEL -> ShadowType.L4_64;
            case FIVE_LEVEL -> ShadowType.L5_64;
        };
    }

    /** Whether {@code root} is what the vCPU must hold at {@code place}: there are four with PAE paging, one otherwise. */
    private boolean isRootOf(VcpuState state, int place, @Nullable ShadowPage root) {
        PagingMode mode = PagingMode.of(state.cr0, state.cr4, state.efer);
        if (place > 0 && mode != PagingMode.PAE) {
            return root == null;
        }
        ShadowType type = rootType(state);
        if (mode == PagingMode.NONE) {
            return root != null && root.type == type && root.frame == 0;
        }
        long pointer = switch (mode) {
            case NONE -> 0;
            case TWO_LEVEL -> state.cr3 & 0xFFFF_F000L | LongModeEntry.PRESENT;
            case PAE -> state.pdpte[place];
            case FOUR_LEVEL, FIVE_LEVEL -> state.cr3 | LongModeEntry.PRESENT;
        };
        long entry = engine.p2m.lookup(LongModeEntry.frame(pointer));
        if (LongModeEntry.isPresent(pointer) && P2m.isBacked(entry)) {
            return root != null && root.type == type && root.frame == P2m.mfn(entry);
        }
        boolean isEmptyRoot = root != null && root.type == ShadowType.UNPAGED_L4 && root.frame == Roots.NO_FRAME;
        return type.format() == GuestFormat.LONG ? isEmptyRoot : root == null;
    }
}
