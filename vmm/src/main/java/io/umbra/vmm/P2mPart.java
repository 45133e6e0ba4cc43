package io.umbra.vmm;

import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * What each guest frame is, as a saved part: runs of one type from gfn 0 on. Machine frames are not in it, nor whether writes to a frame are logged, nor the size of entries: another
 * machine has its own.
 */
final class P2mPart implements Persistent {
    private final P2m p2m;
    private final GuestRam ram;

    P2mPart(P2m p2m, GuestRam ram) {
        this.p2m = p2m;
        this.ram = ram;
    }

    @Override
    public String stateName() {
        return "p2m";
    }

    @Override
    public void save(StateWriter out) {
        long end = p2m.highestGfn() + 1;
        for (long gfn = 0; gfn < end; ) {
            P2mType type = type(gfn);
            long from = gfn;
            while (gfn < end && type(gfn) == type) {
                gfn++;
            }
            out.quad(gfn - from);
            out.text(type.name());
        }
    }

    private P2mType type(long gfn) {
        P2mType type = P2m.type(p2m.lookup(gfn));
        return type == P2mType.LOG_DIRTY ? P2mType.RAM : type;
    }

    @Override
    public void restore(StateReader in) throws StateException {
        long gfn = 0;
        while (in.hasMore()) {
            long end = gfn + in.between(1, ram.frames() - gfn);
            P2mType type = type(in);
            for (; gfn < end; gfn++) {
                ram.become(gfn, type);
            }
        }
        for (; gfn <= p2m.highestGfn(); gfn++) {
            ram.become(gfn, P2mType.HOLE);
        }
    }

    private static P2mType type(StateReader in) throws StateException {
        String name = in.text();
        for (P2mType type : P2mType.values()) {
            if (type != P2mType.LOG_DIRTY && type.name().equals(name)) {
                return type;
            }
        }
        throw in.refuse("frames of a type that does not exist");
    }
}
