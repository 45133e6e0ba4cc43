package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.VcpuState;
import java.util.function.LongSupplier;

/**
 * Told what the engine does, at the moment it does it and in its order. Every method does nothing here, so that one who listens overrides what he wants to know; {@link #OFF} is nobody, for whom nothing is allocated or looked
 * up. Calls come from the thread that runs the domain. A listener must not call the engine.
 *
 * <p>Frames are numbers: {@code gfn} of the guest, {@code mfn} of the machine. A shadow is named by its type and the {@code frame} it is kept under: the mfn of a guest's table, or of a splinter its key.
 */
public class Trace {
    /** Nobody listens. */
    public static final Trace OFF = new Trace();

    protected Trace() {}

    /** Before anything else: where the count of retired instructions is to be had, exact at any time. */
    public void begin(LongSupplier instructions) {}

    /** The registers of a vCPU; RIP is exact whenever the engine is called. */
    public void attached(int vcpu, VcpuState state) {}

    // ---- faults

    /** A page fault of hardware, with the code of its walk. An {@link #outcome} follows, unless the domain crashes. */
    public void fault(int vcpu, long linear, int code) {}

    /** Under nested paging: the P2M refused. An {@link #outcome} follows. */
    public void nestedFault(int vcpu, long guestPhysical, int access) {}

    /**
     * A walk of the guest's tables, for a fault or for an emulated access.
     *
     * @param gfn that it led to, or -1 when it was refused
     * @param level of the leaf, or of the absent entry at which it ended; 0 where a refused walk met none
     * @param code of the guest's fault, or 0
     */
    public void walked(long linear, int access, long gfn, int level, int code) {}

    /** What the P2M has for the frame that a fault is about. */
    public void found(long gfn, long p2mEntry) {}

    /** The way that a fault took: the step at which its outcome was clear, as numbered in {@code PageFaults}. */
    public void decided(int step) {}

    public void outcome(FaultOutcome outcome) {}

    // ---- emulation

    public void emulate(int vcpu, Emulate reason) {}

    public void emulated(Emulation result) {}

    /** An emulated store to a shadowed table. */
    public void tableWritten(long mfn, int offset, int size, long value) {}

    // ---- shadows

    /**
     * A shadow came to be.
     *
     * @param mfn of its first page
     */
    public void made(ShadowType type, long frame, long mfn) {}

    public void destroyed(ShadowType type, long frame, long mfn) {}

    /** An entry above level 1 changed. */
    public void link(ShadowType type, long frame, int index, long old, long entry) {}

    /** An entry of level 1 changed. The entries of a shadow that is destroyed are not told one by one. */
    public void leaf(ShadowType type, long frame, int index, long old, long entry) {}

    /**
     * The shadows of a frame were to go.
     *
     * @param gone false when one survives because a CR3 holds it
     */
    public void unshadowed(long mfn, boolean gone) {}

    /** Room was needed: a root was unpinned, or a loaded one emptied. */
    public void reclaimed(long frame, boolean wasLoaded) {}

    public void blown() {}

    public void leftSync(int vcpu, long mfn) {}

    public void resynced(long mfn) {}

    // ---- what the guest and others tell

    /** CR0, CR3 or CR4 was written; the register has its new value. */
    public void control(int vcpu, int register, long old) {}

    public void efer(int vcpu, long old) {}

    public void invalidatedPage(int vcpu, long linear) {}

    public void invalidatedContext(int vcpu) {}

    /** The engine had all TLBs flushed. */
    public void flushed() {}

    /** The TLBs dropped what an entry at {@code index} of a table of {@code level} may be a part of. */
    public void shotDown(int level, int index) {}

    public void p2mChanges(long gfn, long count) {}

    /** Somebody other than the guest wrote to its memory. */
    public void memoryWritten(long guestPhysical, long length) {}

    // ---- log-dirty

    public void logDirty(boolean isOn) {}

    public void marked(long gfn, DirtyCause cause) {}

    /** The bitmap was taken and cleaned. */
    public void round(long frames, long faults) {}

    /** Everything that is counted, also what other methods tell. */
    public void counted(Counter counter, long amount) {}
}
