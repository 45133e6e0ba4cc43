package io.umbra.shadow.pv;

import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Holds a machine's frames against the numbered rules in the package's description. Written from the rules: from what is held for its own sake (pins, bases, descriptor frames, partial and parked tables) it follows the
 * entries in memory, counts every reference again, and compares. It shares entry formats and the frame table's look-ups with the code that keeps the rules, and nothing else. It changes nothing, and must be called
 * between two calls. What single entries may say is {@link PvEntryAudit}'s.
 */
final class PvAudit {
    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;
    private final List<Breach> breaches = new ArrayList<>();
    private final PvEntryAudit entries;

    /** What the references found so far use a frame as, by ordinal; {@code NONE} = nothing found. */
    private final byte[] use;

    private final boolean[] followed;
    private final int[] references;
    private final int[] typeReferences;
    private final int[] writableMappings;
    private final int[] linear;

    private PvAudit(PvMachine machine) {
        this.machine = machine;
        this.memory = machine.memory;
        this.frames = machine.frames();
        this.entries = new PvEntryAudit(machine, breaches);
        int size = (int) frames.size();
        use = new byte[size];
        followed = new boolean[size];
        references = new int[size];
        typeReferences = new int[size];
        writableMappings = new int[size];
        linear = new int[size];
    }

    /** @throws InvariantViolation that names the first rule that does not hold */
    static void audit(PvMachine machine) {
        List<Breach> found = breaches(machine);
        if (!found.isEmpty()) {
            throw new InvariantViolation(
                    found.getFirst().rule(), found.getFirst().message());
        }
    }

    /** @return each breach of a rule; empty when all hold */
    static List<Breach> breaches(PvMachine machine) {
        PvAudit audit = new PvAudit(machine);
        audit.followOwnReferences();
        audit.followVcpus();
        audit.compare();
        audit.entries.areas();
        return audit.breaches;
    }

    private void found(String rule, long mfn, String message) {
        breaches.add(new Breach(rule, "frame 0x" + Long.toHexString(mfn) + " " + message));
    }

    // ---- following references
    // -----------------------------------------------------------------------------------------------------------------------

    /** References that have no place in memory or in a vCPU. */
    private void followOwnReferences() {
        for (int mfn = 0; mfn < use.length; mfn++) {
            if (frames.owner(mfn) == MachineFrames.HYPERVISOR || frames.has(mfn, MachineFrames.ALLOCATED)) {
                references[mfn]++;
            }
            if (frames.has(mfn, MachineFrames.SPECIAL)) {
                references[mfn]++;
                typeReferences[mfn]++;
                use[mfn] = (byte) frames.type(mfn).ordinal();
            }
            if (frames.held(mfn) > 0) {
                references[mfn] += frames.held(mfn);
                typeReferences[mfn] += frames.held(mfn);
                writableMappings[mfn] += frames.held(mfn);
                use[mfn] = (byte) FrameType.WRITABLE.ordinal();
            }
        }
        for (int mfn = 0; mfn < use.length; mfn++) {
            if (frames.isPinned(mfn)) {
                refer(mfn, frames.type(mfn), frames.owner(mfn));
            }
            if (frames.isPartial(mfn)) {
                references[mfn]++;
                typeReferences[mfn]++;
                use(mfn, frames.type(mfn));
                follow(mfn, frames.done(mfn));
            }
        }
    }

    private void followVcpus() {
        for (PvTables tables : machine.domains()) {
            for (int i = 0; i < tables.vcpus(); i++) {
                PvVcpu vcpu = tables.vcpu(i);
                referIfAny(vcpu.kernelBase, FrameType.L4, tables.domain());
                referIfAny(vcpu.userBase, FrameType.L4, tables.domain());
                for (long mfn : vcpu.gdtFrames) {
                    referIfAny(mfn, FrameType.SEGMENT_DESCRIPTORS, tables.domain());
                }
                for (long mfn : vcpu.ldtFrames) {
                    referIfAny(mfn, FrameType.SEGMENT_DESCRIPTORS, tables.domain());
                }
                if (vcpu.hasParked()) {
                    references[(int) vcpu.parked()]++;
                }
            }
        }
    }

    private void referIfAny(long mfn, FrameType type, int domain) {
        if (mfn != PvTables.NONE) {
            refer(mfn, type, domain);
        }
    }

    /** One more reference to the frame and its type. */
    private void refer(long mfn, FrameType type, int domain) {
        if (!frames.contains(mfn) || frames.owner(mfn) != domain) {
            found("OWNER-1", mfn, "is used as " + type + " by domain " + domain + " and is not its own");
            return;
        }
        references[(int) mfn]++;
        typeReferences[(int) mfn]++;
        use((int) mfn, type);
        if (frames.isPartial(mfn)) {
            found("PARTIAL-1", mfn, "is partial and in use as " + type);
        } else if (type.isTable()) {
            follow((int) mfn, LongModeEntry.ENTRIES);
        } else if (type == FrameType.SEGMENT_DESCRIPTORS && !followed[(int) mfn]) {
            followed[(int) mfn] = true;
            entries.descriptors(mfn);
        }
    }

    private void use(int mfn, FrameType type) {
        if (use[mfn] != FrameType.NONE.ordinal() && use[mfn] != type.ordinal()) {
            found("TYPE-2", mfn, "is used as " + type + " and as " + FrameType.ALL[use[mfn]]);
        }
        use[mfn] = (byte) type.ordinal();
    }

    /** @param whole how many entries hold what they name */
    private void follow(int mfn, int whole) {
        if (followed[mfn]) {
            return;
        }
        followed[mfn] = true;
        int level = FrameType.ALL[use[mfn]].level();
        PvTables owner = machine.ownerOf(mfn);
        if (level == 0 || owner == null) {
            found("TYPE-2", mfn, "is used as a table and cannot be one");
            return;
        }
        for (int slot = 0; slot < whole; slot++) {
            long entry = memory.readLong(((long) mfn << 12) + 8L * slot);
            if (level == 4 && slot >= 256 && slot < 272) {
                if (whole == LongModeEntry.ENTRIES) {
                    entries.reserved(owner, mfn, slot, entry);
                }
            } else if (LongModeEntry.isPresent(entry)) {
                entries.present(owner, mfn, level, slot, entry);
                followEntry(owner, mfn, level, entry);
            } else {
                entries.absent(owner, mfn, level, slot, entry);
            }
        }
        if (frames.isPartial(mfn) && frames.has(mfn, MachineFrames.CHILD_PARTIAL)) {
            long child = LongModeEntry.frame(memory.readLong(((long) mfn << 12) + 8L * whole));
            if (frames.contains(child)) {
                references[(int) child]++;
            } else {
                found("PARTIAL-1", mfn, "holds a child that is no frame");
            }
        }
    }

    private void followEntry(PvTables owner, int table, int level, long entry) {
        long child = LongModeEntry.frame(entry);
        if (level == 1) {
            followMapping(owner, entry, child);
            return;
        }
        boolean isLinear = frames.contains(child) && frames.type(child).level() == level;
        if (isLinear) {
            if (LongModeEntry.isWritable(entry)) {
                found("LINEAR-1", table, "has a writable entry that names a table of its own level");
            }
            if (child != table) {
                linear[table]++;
                linear[(int) child]--;
            }
        }
        if (child != table) {
            refer(child, FrameType.table(isLinear ? level : level - 1), owner.domain());
        }
    }

    private void followMapping(PvTables owner, long entry, long mfn) {
        if (!frames.contains(mfn)) {
            entries.io(owner, entry, mfn);
            return;
        }
        int whose = frames.owner(mfn);
        if (whose < 0 || whose != owner.domain() && !owner.host().isPrivilegedOver(whose)) {
            found("OWNER-2", mfn, "is mapped by domain " + owner.domain() + " and is domain " + whose + "'s");
        }
        references[(int) mfn]++;
        if (LongModeEntry.isWritable(entry) && machine.find(whose) != null) {
            typeReferences[(int) mfn]++;
            writableMappings[(int) mfn]++;
        }
    }

    // ---- comparing
    // -----------------------------------------------------------------------------------------------------------------------

    private void compare() {
        for (int mfn = 0; mfn < use.length; mfn++) {
            FrameType type = frames.type(mfn);
            compareType(mfn, type);
            if (frames.typeCount(mfn) != typeReferences[mfn]) {
                found(
                        "COUNT-1",
                        mfn,
                        "has " + typeReferences[mfn] + " references of its type " + type + ", its type count says "
                                + frames.typeCount(mfn));
            }
            if (frames.count(mfn) != references[mfn]) {
                found("COUNT-2", mfn, "has " + references[mfn] + " references, its count says " + frames.count(mfn));
            }
            if (frames.linear(mfn) != linear[mfn]) {
                found("LINEAR-2", mfn, "has a linear count of " + frames.linear(mfn) + ", it should be " + linear[mfn]);
            }
            compareOwner(mfn);
        }
    }

    private void compareType(int mfn, FrameType type) {
        FrameType used = FrameType.ALL[use[mfn]];
        boolean isWritable = writableMappings[mfn] > 0;
        if (isWritable && used != FrameType.NONE && used != FrameType.WRITABLE) {
            found("TYPE-1", mfn, "is used as " + used + " and mapped writable");
        } else if (isWritable && frames.has(mfn, MachineFrames.SPECIAL) && used == FrameType.NONE) {
            found("TYPE-1", mfn, "was lent for reading and is mapped writable");
        }
        boolean isData = used == FrameType.NONE && isWritable && !frames.has(mfn, MachineFrames.SPECIAL);
        FrameType is = isData ? FrameType.WRITABLE : used;
        if (typeReferences[mfn] > 0 && is != type) {
            found("TYPE-2", mfn, "is used as " + is + " and has the type " + type);
        }
        if (typeReferences[mfn] > 0 && !frames.isValidated(mfn) && !frames.isPartial(mfn)) {
            found("TYPE-3", mfn, "is used as " + is + " and was not validated");
        }
        if (frames.isPartial(mfn) && (frames.isValidated(mfn) || frames.isPinned(mfn) || !type.isTable())) {
            found("PARTIAL-1", mfn, "is partial and finished");
        }
    }

    private void compareOwner(int mfn) {
        int owner = frames.owner(mfn);
        if (owner == MachineFrames.NOBODY && (frames.count(mfn) != 0 || frames.typeCount(mfn) != 0)) {
            found("FREE-1", mfn, "is nobody's and has references");
        }
        if (owner != MachineFrames.NOBODY && frames.count(mfn) == 0) {
            found("FREE-1", mfn, "has an owner and no reference");
        }
        if (owner != MachineFrames.NOBODY && !machine.allocator.isAllocated(mfn)) {
            found("FREE-1", mfn, "has an owner and is free");
        }
        if (owner < 0 && machine.m2p().pfn(mfn) != MachineToPhys.NONE) {
            found("M2P-1", mfn, "is no domain's and the M2P has a number for it");
        }
    }
}
