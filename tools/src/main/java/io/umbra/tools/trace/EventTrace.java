package io.umbra.tools.trace;

import io.umbra.shadow.Counter;
import io.umbra.shadow.DirtyCause;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.P2m;
import io.umbra.shadow.ShadowType;
import io.umbra.shadow.Trace;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/** Turns what the engine tells into events of one form, in which numbers stand for everything. */
abstract class EventTrace extends Trace {
    /** What {@link TraceSummary} can tell from other events. Every other counter has events of its own. */
    static final Set<Counter> TOLD_OTHERWISE = Set.of(
            Counter.PAGE_FAULT,
            Counter.FIXUP,
            Counter.GUEST_FAULT,
            Counter.FAST_NOT_PRESENT,
            Counter.FAST_MMIO,
            Counter.FAST_EMULATION,
            Counter.SPURIOUS,
            Counter.EMULATE,
            Counter.MMIO,
            Counter.EMULATE_OTHER,
            Counter.UNSHADOW,
            Counter.SHADOW_ALLOC,
            Counter.SHADOW_FREE,
            Counter.SHADOW_L1,
            Counter.SHADOW_L2,
            Counter.SHADOW_L3,
            Counter.SHADOW_L4,
            Counter.SHADOW_L5,
            Counter.SPLINTER,
            Counter.SHADOW_PAGES,
            Counter.SHADOW_PAGES_PEAK,
            Counter.CR3_LOAD,
            Counter.FLUSH,
            Counter.SHOOTDOWN,
            Counter.INVLPG,
            Counter.INVPCID,
            Counter.PREALLOC_UNPIN,
            Counter.PREALLOC_UNHOOK,
            Counter.BLOW,
            Counter.UNSYNC,
            Counter.RESYNC,
            Counter.GUEST_WALK,
            Counter.LOG_DIRTY_CLEAN,
            Counter.LOG_DIRTY_MARK);

    private LongSupplier instructions = () -> 0;
    private final List<VcpuState> vcpus = new ArrayList<>();
    private int step;
    /** Look-ups are no decisions: of each kind there is at most one event for a fault or an emulation. */
    private long hashLookups;

    private long p2mLookups;

    /** Takes an event; values behind the kind's fields are 0. */
    abstract void event(EventKind kind, long time, long a, long b, long c, long d, long e);

    /** The run has ended; nothing is told after this. */
    void end(int status, boolean whole) {
        tellLookups();
        tell(EventKind.END, status, whole ? 1 : 0);
    }

    private void tell(EventKind kind, long a, long b, long c, long d, long e) {
        event(kind, instructions.getAsLong(), a, b, c, d, e);
    }

    private void tell(EventKind kind, long a, long b, long c) {
        tell(kind, a, b, c, 0, 0);
    }

    private void tell(EventKind kind, long a, long b) {
        tell(kind, a, b, 0, 0, 0);
    }

    private void tell(EventKind kind, long a) {
        tell(kind, a, 0, 0, 0, 0);
    }

    private void tellLookups() {
        if (hashLookups > 0) {
            tell(EventKind.COUNT, Counter.HASH_LOOKUP.ordinal(), hashLookups);
            hashLookups = 0;
        }
        if (p2mLookups > 0) {
            tell(EventKind.COUNT, Counter.P2M_LOOKUP.ordinal(), p2mLookups);
            p2mLookups = 0;
        }
    }

    @Override
    public void begin(LongSupplier count) {
        instructions = count;
    }

    @Override
    public void attached(int vcpu, VcpuState state) {
        vcpus.add(vcpu, state);
    }

    private long rip(int vcpu) {
        return vcpus.get(vcpu).rip;
    }

    @Override
    public void fault(int vcpu, long linear, int code) {
        tell(EventKind.FAULT, vcpu, linear, code, rip(vcpu), 0);
    }

    @Override
    public void nestedFault(int vcpu, long guestPhysical, int access) {
        tell(EventKind.NESTED_FAULT, vcpu, guestPhysical, access, rip(vcpu), 0);
    }

    @Override
    public void walked(long linear, int access, long gfn, int level, int code) {
        tell(EventKind.WALK, linear, access, gfn, level, code);
    }

    @Override
    public void found(long gfn, long p2mEntry) {
        long mfn = P2m.isBacked(p2mEntry) ? P2m.mfn(p2mEntry) : -1;
        tell(EventKind.FOUND, gfn, mfn, P2m.type(p2mEntry).ordinal());
    }

    @Override
    public void decided(int number) {
        step = number;
    }

    @Override
    public void outcome(FaultOutcome outcome) {
        long code = outcome instanceof GuestFault(int guestCode) ? guestCode : 0;
        tellLookups();
        tell(EventKind.OUTCOME, step, Outcome.of(outcome).ordinal(), code);
        step = 0;
    }

    @Override
    public void emulate(int vcpu, Emulate reason) {
        tell(EventKind.EMULATE, vcpu, Outcome.of(reason).ordinal(), rip(vcpu));
    }

    @Override
    public void emulated(Emulation result) {
        tellLookups();
        tell(EventKind.EMULATED, Result.of(result).ordinal());
    }

    @Override
    public void tableWritten(long mfn, int offset, int size, long value) {
        tell(EventKind.STORE, mfn, offset, size, value, 0);
    }

    @Override
    public void made(ShadowType type, long frame, long mfn) {
        tell(EventKind.MADE, type.ordinal(), frame, mfn);
    }

    @Override
    public void destroyed(ShadowType type, long frame, long mfn) {
        tell(EventKind.DESTROYED, type.ordinal(), frame, mfn);
    }

    @Override
    public void link(ShadowType type, long frame, int index, long old, long entry) {
        tell(EventKind.LINK, type.ordinal(), frame, index, old, entry);
    }

    @Override
    public void leaf(ShadowType type, long frame, int index, long old, long entry) {
        tell(EventKind.LEAF, type.ordinal(), frame, index, old, entry);
    }

    @Override
    public void unshadowed(long mfn, boolean gone) {
        tell(EventKind.UNSHADOW, mfn, gone ? 1 : 0);
    }

    @Override
    public void reclaimed(long frame, boolean wasLoaded) {
        tell(EventKind.RECLAIM, frame, wasLoaded ? 1 : 0);
    }

    @Override
    public void blown() {
        tell(EventKind.BLOW, 0);
    }

    @Override
    public void leftSync(int vcpu, long mfn) {
        tell(EventKind.UNSYNC, vcpu, mfn);
    }

    @Override
    public void resynced(long mfn) {
        tell(EventKind.RESYNC, mfn);
    }

    @Override
    public void control(int vcpu, int register, long old) {
        VcpuState state = vcpus.get(vcpu);
        long value = register == 0 ? state.cr0 : register == 3 ? state.cr3 : state.cr4;
        tell(EventKind.CONTROL, vcpu, register, old, value, 0);
    }

    @Override
    public void efer(int vcpu, long old) {
        tell(EventKind.EFER, vcpu, old, vcpus.get(vcpu).efer);
    }

    @Override
    public void invalidatedPage(int vcpu, long linear) {
        tell(EventKind.INVLPG, vcpu, linear);
    }

    @Override
    public void invalidatedContext(int vcpu) {
        tell(EventKind.INVPCID, vcpu);
    }

    @Override
    public void flushed() {
        tell(EventKind.FLUSH, 0);
    }

    @Override
    public void shotDown(int level, int index) {
        tell(EventKind.SHOOTDOWN, level, index);
    }

    @Override
    public void p2mChanges(long gfn, long count) {
        tell(EventKind.P2M_CHANGE, gfn, count);
    }

    @Override
    public void memoryWritten(long guestPhysical, long length) {
        tell(EventKind.EXTERNAL, guestPhysical, length);
    }

    @Override
    public void logDirty(boolean isOn) {
        tell(EventKind.LOG_DIRTY, isOn ? 1 : 0);
    }

    @Override
    public void marked(long gfn, DirtyCause cause) {
        tell(EventKind.MARK, gfn, cause.ordinal());
    }

    @Override
    public void round(long frames, long faults) {
        tell(EventKind.ROUND, frames, faults);
    }

    @Override
    public void counted(Counter counter, long amount) {
        if (counter == Counter.HASH_LOOKUP) {
            hashLookups += amount;
        } else if (counter == Counter.P2M_LOOKUP) {
            p2mLookups += amount;
        } else if (!TOLD_OTHERWISE.contains(counter)) {
            tell(EventKind.COUNT, counter.ordinal(), amount);
        }
    }
}
