package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import java.util.List;

/** What single entries and descriptors may say: the rules ENTRY, SLOT, IO, DESC and AREA, restated from the manuals and Xen's interface rather than taken from the code that enforces them. */
final class PvEntryAudit {
    /** P RW US A D, 11..9, NX. */
    private static final long BITS_OF_A_LINK = 0x8000_0000_0000_0E67L;
    /** And G, 62..52. */
    private static final long BITS_OF_A_LEAF = 0xFFF0_0000_0000_0F67L;
    /** PWT PCD PAT. */
    private static final long BITS_OF_CACHING = 0x98L;

    private static final long FRAME_BITS = 0x000F_FFFF_FFFF_F000L;
    private static final long KERNEL_MARK = 1L << 52;

    private final PvMachine machine;
    private final MachineFrames frames;
    private final List<Breach> breaches;

    PvEntryAudit(PvMachine machine, List<Breach> breaches) {
        this.machine = machine;
        this.frames = machine.frames();
        this.breaches = breaches;
    }

    private void found(String rule, String message) {
        breaches.add(new Breach(rule, message));
    }

    void present(PvTables owner, long table, int level, int slot, long entry) {
        long allowed = level > 1 ? BITS_OF_A_LINK : BITS_OF_A_LEAF;
        if (level == 1 && owner.policy().io().mayChooseCaching() || level == 1 && isIo(entry)) {
            allowed |= BITS_OF_CACHING;
        }
        if ((entry & ~FRAME_BITS & ~allowed) != 0) {
            found("ENTRY-1", place(table, level, slot, entry) + " has bits that it may not have");
        }
        boolean isUser = (entry & 1L << 2) != 0;
        boolean isMarked = (entry & KERNEL_MARK) != 0;
        boolean isGlobal = (entry & 1L << 8) != 0;
        if (!isUser || level == 1 && !isMarked && !isGlobal) {
            found("ENTRY-2", place(table, level, slot, entry) + " lacks bits that each entry gets");
        }
        long frame = (entry & FRAME_BITS) >>> 12;
        boolean isSpecial = level == 1 && frames.contains(frame) && frames.has(frame, MachineFrames.SPECIAL);
        if (isSpecial && (entry & BITS_OF_CACHING) != 0) {
            found("ENTRY-1", place(table, level, slot, entry) + " chooses how the hypervisor's frame is cached");
        }
    }

    void absent(PvTables owner, long table, int level, int slot, long entry) {
        AbsentEntries rule = owner.policy().absent();
        if (!rule.areAudited() || owner.absent().areTablesHidden()) {
            return;
        }
        long address = entry & rule.addressMask();
        boolean isLarge = level != 1 && (entry & 1L << 7) != 0;
        if (isLarge || address > 0 && address < rule.safeFrom()) {
            found("ABSENT-1", place(table, level, slot, entry) + " is absent and names what may be cached");
        }
    }

    private boolean isIo(long entry) {
        return !frames.contains((entry & FRAME_BITS) >>> 12);
    }

    private static String place(long table, int level, int slot, long entry) {
        return "L%d 0x%x slot %d: 0x%x".formatted(level, table, slot, entry);
    }

    void reserved(PvTables owner, long table, int slot, long entry) {
        if (entry != owner.reservedSlots().entry(slot)) {
            found("SLOT-1", place(table, 4, slot, entry) + " is not what the hypervisor put there");
        }
    }

    void io(PvTables owner, long entry, long mfn) {
        IoSpace io = owner.policy().io();
        boolean isWriteBack = (entry & BITS_OF_CACHING) == 0;
        boolean isRefused = !io.mayMap(mfn) || io.isReadOnly(mfn) && LongModeEntry.isWritable(entry);
        if (isRefused || isWriteBack) {
            found("IO-1", "I/O frame 0x%x is mapped by 0x%x".formatted(mfn, entry));
        }
    }

    /** Present ones are code or data of privilege 3, half a gate, or a gate that nobody at privilege 3 can use. */
    void descriptors(long mfn) {
        for (int i = 0; i < 512; i++) {
            long descriptor = machine.memory.readLong((mfn << 12) + 8L * i);
            boolean isPresent = (descriptor >>> 47 & 1) != 0;
            boolean isSystem = (descriptor >>> 44 & 1) == 0;
            int privilege = (int) (descriptor >>> 45) & 3;
            int type = (int) (descriptor >>> 40) & 15;
            boolean isHarmless = isSystem && type != 0 ? type == 12 && privilege == 0 : privilege == 3;
            if (isPresent && !isHarmless) {
                found("DESC-1", "descriptor %d of frame 0x%x is 0x%x".formatted(i, mfn, descriptor));
            }
        }
    }

    /** What the processor finds where a domain's descriptors are. */
    void areas() {
        for (PvTables tables : machine.domains()) {
            for (int i = 0; i < tables.vcpus() && tables.isAlive(); i++) {
                area(tables, tables.vcpu(i));
            }
        }
    }

    private void area(PvTables tables, PvVcpu vcpu) {
        long base = 0xFFFF_8200_0000_0000L + ((long) vcpu.number << 17);
        for (int page = 0; page < 32; page++) {
            long entry = leaf(tables.reservedSlots().entry(260), base + ((long) page << 12));
            long mfn = LongModeEntry.isPresent(entry) ? (entry & FRAME_BITS) >>> 12 : 0;
            boolean isSound = isRight(vcpu, page, mfn);
            if (!isSound || LongModeEntry.isPresent(entry) && LongModeEntry.isUser(entry)) {
                found("AREA-1", "vCPU %d, page %d of its descriptors: 0x%x".formatted(vcpu.number, page, entry));
            }
        }
    }

    private boolean isRight(PvVcpu vcpu, int page, long mfn) {
        if (page < 14) {
            return vcpu.gdtFrames[page] == mfn || vcpu.gdtFrames[page] == 0 && mfn == machine.emptyFrame();
        }
        if (page < 16) {
            return page == 14 ? frames.owner(mfn) == MachineFrames.HYPERVISOR && mfn != machine.emptyFrame() : mfn == 0;
        }
        return mfn == vcpu.ldtFrames[page - 16];
    }

    private long leaf(long level4Entry, long linear) {
        long entry = level4Entry;
        for (int shift = 30; shift >= 12 && LongModeEntry.isPresent(entry); shift -= 9) {
            entry = machine.memory.readLong((entry & FRAME_BITS) + (linear >>> shift & 511) * 8);
        }
        return entry;
    }
}
