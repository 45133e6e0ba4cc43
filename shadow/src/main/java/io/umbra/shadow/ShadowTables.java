package io.umbra.shadow;

import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import org.jspecify.annotations.Nullable;

/**
 * The shadow pages of a domain and every change to them: made and found by (frame, type), linked with references, destroyed when nothing refers to them. All writes
 * to shadow entries go through {@link #setLink} and {@link #setLeaf}, which see to it that the TLBs hear of lost rights ({@link Shootdown}). Xen: {@code set_lNe}, {@code sh_destroy_shadow}, {@code shadow_promote}.
 */
final class ShadowTables {
    final MachineMemory memory;
    final FrameTable frames;
    final ShadowPool pool;
    final ShadowHash hash;
    final ReverseMap reverseMap;
    final PrefilledSlots prefilled;
    final PinnedRoots pinned = new PinnedRoots();
    final Revalidation revalidation;
    final OutOfSync outOfSync;
    final LargeLeaves large;
    final Shootdown shootdown;
    final RememberedWalks walks = new RememberedWalks(this);
    private final Counters counters;
    private final boolean writeProtects;
    private final WriteProtection writeProtection;
    private long changesOfLinks;

    ShadowTables(
            MachineMemory memory,
            P2m p2m,
            FrameTable frames,
            ShadowPool pool,
            Counters counters,
            WriteLog log,
            ShadowPolicy policy,
            PrefilledSlots prefilled) {
        this.prefilled = prefilled;
        this.memory = memory;
        this.frames = frames;
        this.pool = pool;
        this.hash = new ShadowHash(pool.size());
        this.reverseMap = new ReverseMap(memory.frames(), pool);
        this.counters = counters;
        this.shootdown = new Shootdown(counters);
        this.writeProtects = policy.writeProtects();
        this.revalidation = new Revalidation(this, memory, p2m, counters, log);
        boolean mayLag = policy.coherence() == ShadowPolicy.Coherence.OUT_OF_SYNC;
        int slots = mayLag ? (int) policy.number(PolicyOption.OOS_SLOTS) : 0;
        this.outOfSync = new OutOfSync(this, memory, counters, slots);
        this.writeProtection = new WriteProtection(this, counters, policy);
        this.large = new LargeLeaves(this, p2m, counters, log, policy);
    }

    // ---- finding and making
    // ------------------------------------------------------------------------------------------

    @Nullable
    ShadowPage find(long frame, ShadowType type) {
        counters.add(Counter.HASH_LOOKUP);
        if (type.shadowsTable() && (frames.shadowTypes(frame) & type.bit()) == 0) {
            return null;
        }
        return hash.find(frame, type);
    }

    /** The pool must have room. Making the first shadow of a guest frame takes all write access to it away. */
    ShadowPage make(long frame, ShadowType type) {
        if (type.shadowsTable()) {
            promote(frame, type);
        }
        ShadowPage page = pool.allocate(type, frame);
        hash.insert(page);
        prefilled.fill(memory, page);
        countMade(type);
        counters.trace.made(type, frame, page.mfn);
        return page;
    }

    ShadowPage findOrMake(long frame, ShadowType type) {
        ShadowPage found = find(frame, type);
        return found != null ? found : make(frame, type);
    }

    private void promote(long mfn, ShadowType type) {
        int types = frames.shadowTypes(mfn);
        if (types == 0) {
            frames.dying(mfn, false);
            if (writeProtects) {
                writeProtection.removeWriteAccess(mfn);
                large.breakAround(mfn);
            }
        } else {
            outOfSync.resync(mfn);
        }
        frames.shadowTypes(mfn, types | type.bit());
    }

    /** The frame may become writable again, but only when a write fault asks for it. */
    private void demote(long mfn, ShadowType type) {
        frames.shadowTypes(mfn, frames.shadowTypes(mfn) & ~type.bit());
        if (!frames.isShadowed(mfn)) {
            outOfSync.forget(mfn);
            walks.tableChanged(mfn);
        }
    }

    /** Afterwards no shadow maps the frame writable. */
    void removeWriteAccess(long mfn) {
        writeProtection.removeWriteAccess(mfn);
    }

    /** The leaf at the node loses write access, if it still maps the frame. */
    void makeReadOnly(int node, long mfn) {
        if (mapsWritable(node, mfn)) {
            writeProtection.makeReadOnly(reverseMap.page(node), reverseMap.slot(node));
        }
    }

    /** Whether there is a leaf at the node of the reverse map, or -1, that maps the frame writable. */
    boolean mapsWritable(int node, long mfn) {
        ShadowPage page = node < 0 ? null : reverseMap.page(node);
        if (page == null || page.type == null || page.liveType().level() != 1) {
            return false;
        }
        long entry = entry(page, reverseMap.slot(node));
        return LongModeEntry.isPresent(entry) && LongModeEntry.isWritable(entry) && LongModeEntry.frame(entry) == mfn;
    }

    /** The frame is a table whose writes must be seen: it is not mapped writable, unless it is out of sync. */
    boolean isProtected(long mfn) {
        return writeProtects && frames.isShadowed(mfn);
    }

    /** Counts the changes of entries above level 1: what a walk down the shadows met before may be void after one. */
    long changesOfLinks() {
        return changesOfLinks;
    }

    void linkChanged() {
        changesOfLinks++;
    }

    // ---- entries
    // -----------------------------------------------------------------------------------------------------

    long entry(ShadowPage page, int slot) {
        return memory.readLong(page.entryAddress(slot));
    }

    /** The shadow that an entry above level 1 refers to; null when it is absent or a large leaf. */
    @Nullable
    ShadowPage child(long entry) {
        boolean isLink = LongModeEntry.isPresent(entry) && !LargeLeaves.is(entry);
        return isLink ? pool.at(LongModeEntry.frame(entry)) : null;
    }

    /**
     * Sets the entries that stand for one guest entry above level 1: they refer to another shadow, or are zero; large leaves there go. Where one guest entry is two of hardware's, the second refers to the second page of
     * the same child, and the first counts as the reference.
     *
     * @param index of the guest's entry
     * @param entry for the first, with the frame of the child's first page
     * @return whether anything changed
     */
    boolean setLink(ShadowPage parent, int index, long entry) {
        int slot = index * parent.liveType().slotsPerEntry();
        if (prefilled.contains(parent.liveType(), slot)) {
            return false;
        }
        long address = parent.entryAddress(slot);
        boolean wasLarge = LargeLeaves.is(memory.readLong(address));
        if (wasLarge) {
            large.clear(parent, index);
        }
        long old = memory.readLong(address);
        if (old == entry) {
            return wasLarge;
        }
        counters.trace.link(parent.liveType(), parent.frame, index, old, entry);
        linkChanged();
        boolean sameChild = LongModeEntry.isPresent(old)
                && LongModeEntry.isPresent(entry)
                && LongModeEntry.frame(old) == LongModeEntry.frame(entry);
        if (LongModeEntry.isPresent(entry) && !sameChild) {
            ShadowPage child = pool.at(LongModeEntry.frame(entry));
            countRootLink(parent, child);
            takeReference(child, address);
        }
        memory.writeLong(address, entry);
        if (LongModeEntry.isPresent(entry) && !sameChild) {
            outOfSync.linked(pool.at(LongModeEntry.frame(entry)));
        }
        if (parent.liveType().slotsPerEntry() == 2) {
            memory.writeLong(parent.entryAddress(slot + 1), ofSecondPage(entry));
        }
        if (!Propagation.grantsNoLess(old, entry)) {
            shootDown(parent, slot);
        }
        if (LongModeEntry.isPresent(old) && !sameChild) {
            ShadowPage child = pool.at(LongModeEntry.frame(old));
            if (child.upPointer == address) {
                child.upPointer = -1;
            }
            dropReference(child);
        }
        return true;
    }

    private void shootDown(ShadowPage parent, int slot) {
        ShadowType type = parent.liveType();
        for (int part = 0; part < type.slotsPerEntry(); part++) {
            shootdown.lost(type.level(), slot + part);
        }
        shootdown.due();
    }

    private long ofSecondPage(long entry) {
        if (!LongModeEntry.isPresent(entry)) {
            return 0;
        }
        ShadowPage second = pool.at(LongModeEntry.frame(entry)).pageOf(LongModeEntry.ENTRIES);
        return LongModeEntry.of(second.mfn, entry & ~LongModeEntry.FRAME_MASK);
    }

    /** Sets an entry of level 1: it maps a guest frame, or is zero. @return whether anything changed */
    boolean setLeaf(ShadowPage page, int slot, long entry) {
        long address = page.entryAddress(slot);
        long old = memory.readLong(address);
        if (old == entry) {
            return false;
        }
        counters.trace.leaf(page.liveType(), page.frame, slot, old, entry);
        forgetMapping(page, slot, old);
        page.deviceTags += FaultTag.count(entry) - FaultTag.count(old);
        memory.writeLong(address, entry);
        if (LongModeEntry.isPresent(entry)) {
            long mfn = LongModeEntry.frame(entry);
            reverseMap.add(mfn, page, slot);
            if (LongModeEntry.isWritable(entry)) {
                frames.addWritableMapping(mfn, 1);
            }
        }
        if (!Propagation.grantsNoLess(old, entry)) {
            shootdown.lost(1, slot);
        }
        return true;
    }

    private void forgetMapping(ShadowPage page, int slot, long old) {
        if (LongModeEntry.isPresent(old)) {
            long mfn = LongModeEntry.frame(old);
            reverseMap.remove(mfn, page, slot);
            if (LongModeEntry.isWritable(old)) {
                frames.addWritableMapping(mfn, -1);
            }
        }
    }

    // ---- references
    // --------------------------------------------------------------------------------------------------

    private static void takeReference(ShadowPage child, long fromEntry) {
        takeReference(child);
        if (child.upPointer < 0) {
            child.upPointer = fromEntry;
        }
    }

    /** A vCPU's root slot, or a pin. */
    static void takeReference(ShadowPage page) {
        if (page.references == Integer.MAX_VALUE) {
            throw new DomainCrash("too many references to the shadow " + page);
        }
        page.references++;
    }

    void dropReference(ShadowPage page) {
        if (page.references <= 0) {
            throw new InvariantViolation("REF-2", "reference to " + page + " dropped but not held");
        }
        if (--page.references == 0) {
            destroy(page);
        }
    }

    private void destroy(ShadowPage page) {
        ShadowType type = page.liveType();
        hash.remove(page);
        linkChanged();
        if (type.isRoot()) {
            shootdown.lostAll();
        }
        if (type.shadowsTable()) {
            demote(page.frame, type);
        }
        for (int slot = 0; slot < type.slots(); slot += type.slotsPerEntry()) {
            long old = entry(page, slot);
            if (!LongModeEntry.isPresent(old) || prefilled.contains(type, slot)) {
                continue;
            }
            if (type.level() == 1) {
                forgetMapping(page, slot, old);
            } else if (LargeLeaves.is(old)) {
                large.clear(page, slot / type.slotsPerEntry());
            } else {
                ShadowPage child = pool.at(LongModeEntry.frame(old));
                if (child.upPointer == page.entryAddress(slot)) {
                    child.upPointer = -1;
                }
                dropReference(child);
            }
        }
        counters.trace.destroyed(type, page.frame, page.mfn);
        pool.release(page);
        counters.add(Counter.SHADOW_FREE);
        counters.set(Counter.SHADOW_PAGES, pool.used());
    }

    /** Keeps the root though no CR3 holds it, and makes it the last to be given up. */
    void pin(ShadowPage root) {
        if (pinned.touch(root)) {
            takeReference(root);
        }
    }

    void unpin(ShadowPage root) {
        pinned.remove(root);
        dropReference(root);
    }

    /** Clears all entries and keeps the page, which a CR3 still holds. */
    void unhook(ShadowPage root) {
        int entries = root.liveType().format().entries();
        for (int index = 0; index < entries; index++) {
            setLink(root, index, 0);
        }
    }

    // ---- taking frames out of use
    // ------------------------------------------------------------------------------------

    /**
     * Makes the frame ordinary memory again: all its shadows go. Xen: {@code sh_remove_shadows}.
     *
     * @return false when a shadow survives because a CR3 holds it
     */
    boolean unshadow(long mfn) {
        if (!frames.isShadowed(mfn)) {
            return true;
        }
        for (int i = ShadowType.TABLES - 1; i >= 0; i--) {
            ShadowPage page = find(mfn, ShadowType.ALL[i]);
            if (page != null) {
                removeShadow(page);
            }
        }
        shootdown.due();
        boolean gone = !frames.isShadowed(mfn);
        counters.trace.unshadowed(mfn, gone);
        if (gone) {
            counters.add(Counter.UNSHADOW);
        }
        return gone;
    }

    private void removeShadow(ShadowPage page) {
        ShadowType type = page.liveType();
        long frame = page.frame;
        if (page.pinned) {
            unpin(page);
        }
        if (hash.find(frame, type) == page && page.upPointer >= 0) {
            clearEntryAt(page.upPointer);
        }
        if (hash.find(frame, type) == page) {
            clearLinksTo(page, type);
        }
    }

    private void clearEntryAt(long address) {
        ShadowPage page = pool.at(address >>> 12);
        setLink(page.head, page.slotAt(address) / page.liveType().slotsPerEntry(), 0);
    }

    /** Looks at every shadow that may refer to the page: needed when it has more than one parent. */
    private void clearLinksTo(ShadowPage page, ShadowType type) {
        for (int i = 0; i < pool.size() && page.type == type && page.references > 0; i++) {
            ShadowPage parent = pool.page(i);
            if (!parent.isShadow() || parent.liveType().level() != type.level() + 1) {
                continue;
            }
            int width = parent.liveType().slotsPerEntry();
            for (int slot = 0; slot < parent.liveType().slots() && page.type == type; slot += width) {
                long entry = entry(parent, slot);
                if (LongModeEntry.isPresent(entry) && LongModeEntry.frame(entry) == page.mfn) {
                    setLink(parent, slot / width, 0);
                }
            }
        }
    }

    /** No shadow maps the frame afterwards. Xen: {@code sh_remove_all_mappings}. */
    void removeAllMappings(long mfn) {
        for (int node = reverseMap.first(mfn); node >= 0; node = reverseMap.first(mfn)) {
            setLeaf(reverseMap.page(node), reverseMap.slot(node), 0);
            shootdown.due();
        }
        large.breakAround(mfn);
    }

    // ---- counting
    // ----------------------------------------------------------------------------------------------------------

    private void countRootLink(ShadowPage parent, ShadowPage child) {
        if (parent.liveType().isRoot() && parent.liveType().shadowsTable()) {
            counters.add(Counter.ROOT_LINK);
            if (child.references > 0) {
                counters.add(Counter.ROOT_LINK_SHARED);
            }
        }
    }

    private void countMade(ShadowType type) {
        counters.add(Counter.SHADOW_ALLOC);
        counters.set(Counter.SHADOW_PAGES, pool.used());
        if (pool.used() > counters.get(Counter.SHADOW_PAGES_PEAK)) {
            counters.set(Counter.SHADOW_PAGES_PEAK, pool.used());
        }
        switch (type) {
            case L1_32, L1_PAE, L1_64 -> counters.add(Counter.SHADOW_L1);
            case L2_32, L2_PAE, L2_64 -> counters.add(Counter.SHADOW_L2);
            case L3_64 -> counters.add(Counter.SHADOW_L3);
            case L4_64 -> counters.add(Counter.SHADOW_L4);
            case L5_64 -> counters.add(Counter.SHADOW_L5);
            case FL1_32, FL1_PAE, FL1_64, FL2_64 -> counters.add(Counter.SPLINTER);
            case UNPAGED_L3, UNPAGED_L4 -> {}
        }
    }
}
