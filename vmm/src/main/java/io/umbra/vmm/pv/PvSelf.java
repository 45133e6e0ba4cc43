package io.umbra.vmm.pv;

import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.xen.SharedMemory;
import io.umbra.vmm.xen.Shutdown;
import io.umbra.vmm.xen.XenDomain;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.Vector;

/** What a PV domain does in its own way. */
final class PvSelf implements XenDomain {
    private final PvTables tables;
    private final PvVcpu vcpu;
    private final PvEnd end;
    private final SharedMemory memory;

    PvSelf(PvTables tables, PvVcpu vcpu, PvEnd end, MachineMemory memory) {
        this.tables = tables;
        this.vcpu = vcpu;
        this.end = end;
        this.memory = SharedMemory.of(memory);
    }

    @Override
    public int number() {
        return tables.domain();
    }

    @Override
    public void shutDown(Shutdown reason) {
        end.is(GuestEnd.of(reason));
    }

    @Override
    public void downed() {
        end.is(GuestEnd.VCPU_DOWN);
    }

    /** The frame stays the domain's and writable. */
    @Override
    public long moveInfo(long mfn, int offset) {
        long result = tables.takeWritable(mfn);
        if (result == 0) {
            vcpu.info.moveTo(memory, (mfn << 12) + offset);
        }
        return result;
    }

    @Override
    public void sendNmi() {
        vcpu.nmiPending = vcpu.traps.has(Vector.NMI);
    }
}
