package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.pv.PvTables;
import io.umbra.shadow.pv.ReservedSlots;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a PV domain, on its own tables ({@link DirectPaging}) or on shadows of them, and the switch between the two while it runs. Shadows are there to see what is written: to log dirty pages, and where
 * not even an absent entry may be given to a processor as the guest made it. Xen: {@code shadow_mode_enabled} of a PV domain.
 *
 * <ol>
 *   <li>The guest's entries hold machine frames, so the P2M is the identity. What keeps a guest to its own frames are the types of frames, as before.
 *   <li>The root's shadow has the hypervisor's slots from the start.
 *   <li>A store to a table is what it is without shadows: it is audited first, and the shadows follow what the audit let through. That holds also where the shadow is empty and hardware says "not present".
 *   <li>A frame that becomes a table, or ceases to be one, has no shadow.
 *   <li>Hardware sets A and D in the shadows; walks set them in the guest's tables. So nothing need be copied back when the shadows go.
 *   <li>The log is kept by machine frame. By which number a guest knows a frame is its own choice, asked for when the log is read: {@link #byPfn}.
 * </ol>
 */
public final class PvPaging implements Paging {
    private final PvTables tables;
    private final MachineMemory memory;
    private final FrameAllocator allocator;
    private final ShadowPolicy policy;
    private final DirectPaging direct;
    private final List<Vcpu> vcpus = new ArrayList<>();
    private final PrefilledSlots slots;
    private @Nullable P2m identity;
    /** Null on the guest's own tables. */
    @Nullable
    ShadowPaging shadows;

    private boolean areForced;

    private record Vcpu(VcpuState state, Tlb tlb, InstructionEmulator emulator) {}

    /**
     * On the guest's own tables at first.
     *
     * @param memory the machine's
     * @param allocator of the shadows' pool
     * @param kernelMode whether a vCPU is in guest kernel mode
     * @param policy of shadows. The guest's tables are write-protected by their types, so it must be {@link ShadowPolicy.Coherence#WRITE_PROTECT}
     */
    public PvPaging(
            PvTables tables,
            MachineMemory memory,
            FrameAllocator allocator,
            IntPredicate kernelMode,
            ShadowPolicy policy) {
        if (policy.coherence() != ShadowPolicy.Coherence.WRITE_PROTECT) {
            throw new IllegalArgumentException("the tables of a PV guest are write-protected by their types: coherence "
                    + PolicyOption.COHERENCE.valueIn(policy) + " is not for them");
        }
        this.tables = tables;
        this.memory = memory;
        this.allocator = allocator;
        this.policy = policy;
        this.direct = new DirectPaging(tables, memory, kernelMode);
        long[] entries = new long[ReservedSlots.COUNT];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = tables.reservedSlots().entry(ReservedSlots.FIRST + i);
        }
        this.slots = new PrefilledSlots(ReservedSlots.FIRST, entries);
    }

    // ---- the switch
    // --------------------------------------------------------------------------------------------------

    public boolean hasShadows() {
        return shadows != null;
    }

    /** From the next instruction on, hardware walks shadows. Nothing happens when it does already. */
    public void switchOn() {
        if (shadows != null) {
            return;
        }
        ShadowPaging made =
                new ShadowPaging(memory, allocator, identity(), DeviceMemory.NONE, policy, direct.counters(), slots);
        for (Vcpu vcpu : vcpus) {
            made.attach(vcpu.state, vcpu.tlb, vcpu.emulator);
        }
        shadows = made;
        counters().add(Counter.PV_SHADOWS_ON);
    }

    /** From the next instruction on, hardware walks the guest's tables. Nothing happens when it does already, or when {@linkplain #force forced} not to. */
    public void switchOff() {
        ShadowPaging old = shadows;
        if (old == null || areForced) {
            return;
        }
        shadows = null;
        for (int i = 0; i < vcpus.size(); i++) {
            direct.reset(i);
        }
        old.close();
    }

    /**
     * The domain has shadows from now on, for good: it makes an entry that no processor may see. Xen: {@code PG_SH_forced}.
     *
     * @throws DomainCrash when there is no memory for shadows
     */
    public void force() {
        switchOn();
        areForced = true;
    }

    /** It has shadows for good. */
    public boolean isForced() {
        return areForced;
    }

    /** All of the machine, in the largest pieces. */
    private P2m identity() {
        P2m map = identity;
        if (map == null) {
            map = new P2m(memory, allocator);
            for (long mfn = 0; mfn < memory.frames(); ) {
                int level = 3;
                while (level > 1 && !isWhole(mfn, LongModeEntry.framesMappedBy(level))) {
                    level--;
                }
                map.set(mfn, level, mfn, P2mType.RAM);
                mfn += LongModeEntry.framesMappedBy(level);
            }
            identity = map;
        }
        return map;
    }

    private boolean isWhole(long mfn, long frames) {
        return mfn % frames == 0 && mfn + frames <= memory.frames();
    }

    // ---- the log
    // -----------------------------------------------------------------------------------------------------

    /**
     * A bitmap of machine frames by the numbers that the guest gave them in the M2P. Frames that are not the domain's, and values that are no frame numbers, are left out: they are the guest's to choose, and
     * nothing may depend on them (XSA-251).
     */
    public DirtyBitmap byPfn(DirtyBitmap mfns) {
        DirtyBitmap pfns = new DirtyBitmap();
        for (long mfn = mfns.next(0); mfn >= 0; mfn = mfns.next(mfn + 1)) {
            long pfn = tables.pfnOf(mfn);
            if (pfn >= 0) {
                pfns.add(pfn);
            }
        }
        return pfns;
    }

    /** The hypervisor has written to the frame, or it is another from now on. */
    public void markDirty(long mfn) {
        if (shadows != null) {
            shadows.log.mark(mfn, DirtyCause.EXTERNAL);
        }
    }

    /** @throws IllegalStateException without shadows: hardware writes through the guest's own tables unseen */
    @Override
    public LogDirty logDirty() {
        return shadows == null ? direct.logDirty() : shadows.logDirty();
    }

    /** @throws IllegalStateException without shadows */
    @Override
    public VramTracking vram() {
        return shadows == null ? direct.vram() : shadows.vram();
    }

    // ---- what the audited tables tell
    // --------------------------------------------------------------------------------

    /** An entry of a table was stored. */
    public void entryWritten(long maddr) {
        if (shadows != null) {
            shadows.memoryWritten(maddr, Long.BYTES);
        }
    }

    /** The frame becomes a table or ceases to be one. */
    public void removeShadows(long mfn) {
        if (shadows != null) {
            shadows.tables.unshadow(mfn);
            shadows.tellTlbs();
        }
    }

    // ---- what the guest does
    // -----------------------------------------------------------------------------------------

    /** Whether stores to L1 tables are emulated: {@code VMASST_TYPE_writable_pagetables}. Off at first. */
    public void assistStores(boolean on) {
        direct.assistStores(on);
    }

    /** Drops one translation of a vCPU's. */
    public void invalidate(int vcpu, long linear) {
        direct.invalidate(vcpu, linear);
    }

    /** Drops all translations of all vCPUs, as the guest asked. The shadows are in line with its tables and stay. */
    public void flush() {
        counters().add(Counter.FLUSH);
        for (Vcpu vcpu : vcpus) {
            vcpu.tlb.flush();
        }
    }

    @Override
    public void reset(int vcpu) {
        if (shadows == null) {
            direct.reset(vcpu);
        } else {
            shadows.reset(vcpu);
        }
    }

    @Override
    public Intercepts intercepts() {
        return direct.intercepts();
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        vcpus.add(new Vcpu(state, tlb, emulator));
        direct.attach(state, tlb, emulator);
        if (shadows != null) {
            shadows.attach(state, tlb, emulator);
        }
    }

    @Override
    public FaultOutcome pageFault(int number, long linear, int code) {
        ShadowPaging walked = shadows;
        if (walked == null || slots.cover(linear)) {
            return direct.pageFault(number, linear, code);
        }
        if (direct.isStoreToTable(number, linear, code, false)) {
            counters().add(Counter.PAGE_FAULT);
            return Emulate.PAGETABLE;
        }
        return switch (walked.pageFault(number, linear, code)) {
            case Fixed fixed -> fixed;
            case GuestFault fault -> fault;
            case Emulate reason ->
                throw new InvariantViolation(
                        "PV-1", "a PV guest may write, by its own tables, where only " + reason + " can answer");
        };
    }

    @Override
    public FaultOutcome nestedFault(int vcpu, long guestPhysical, int access) {
        return direct.nestedFault(vcpu, guestPhysical, access);
    }

    @Override
    public Emulation emulate(int number, Emulate reason, long budget) {
        return direct.emulate(number, reason, budget);
    }

    @Override
    public boolean unshadowForEvent(int vcpu, long linear) {
        return false;
    }

    @Override
    public void controlRegisterWritten(int vcpu, int number, long old) {
        if (shadows == null) {
            direct.controlRegisterWritten(vcpu, number, old);
        } else {
            shadows.controlRegisterWritten(vcpu, number, old);
        }
    }

    @Override
    public void eferWritten(int vcpu, long old) {}

    @Override
    public void invalidatePage(int vcpu, long linear) {
        if (shadows == null || slots.cover(linear)) {
            direct.invalidatePage(vcpu, linear);
        } else {
            shadows.invalidatePage(vcpu, linear);
        }
    }

    @Override
    public void invalidateContext(int vcpu) {
        if (shadows == null) {
            direct.invalidateContext(vcpu);
        } else {
            shadows.invalidateContext(vcpu);
        }
    }

    @Override
    public boolean readPdptes(int vcpu, long cr3, long[] target) {
        return direct.readPdptes(vcpu, cr3, target);
    }

    @Override
    public void pagetableDying(int vcpu, long guestPhysical) {}

    /** @param machine address: the guest's physical addresses are the machine's */
    @Override
    public void memoryWritten(long machine, long length) {
        if (shadows != null) {
            shadows.memoryWritten(machine, length);
        }
    }

    @Override
    public void blow() {
        if (shadows == null) {
            direct.blow();
        } else {
            shadows.blow();
        }
    }

    /** The audited tables, and the shadows of them. */
    @Override
    public void audit() {
        direct.audit();
        if (shadows != null) {
            shadows.audit();
        }
    }

    /** Of both, together. */
    @Override
    public Counters counters() {
        return direct.counters();
    }

    @Override
    public void close() {
        if (shadows != null) {
            shadows.close();
            shadows = null;
        }
        if (identity != null) {
            identity.free();
            identity = null;
        }
    }
}
