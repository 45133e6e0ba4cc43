package io.umbra.vmm.hvm;

import io.umbra.shadow.P2mType;
import io.umbra.shadow.Paging;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.xen.CallerMemory;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.Structure;
import io.umbra.vmm.xen.XenGuest;

/** {@code hvm_op}: what only HVM guests need. Xen: public header hvm/hvm_op.h. */
final class HvmCalls implements HypercallFamily {
    private static final int SET_PARAM = 0, GET_PARAM = 1, FLUSH_TLBS = 5, PAGETABLE_DYING = 9, GET_TIME = 10;
    private static final int GET_MEMORY_TYPE = 15, SET_UPCALL_VECTOR = 23;
    /** HVMMEM types. */
    private static final int RAM = 0, READ_ONLY = 1, DEVICE = 2;

    private final XenGuest guest;
    private final CallerMemory memory;
    private final HvmParameters parameters;
    private final Upcall upcall;
    private final PhysicalMap map;
    private final Paging paging;
    private final Runnable latchWidth;
    private final Runnable flush;

    /**
     * What the calls act on.
     *
     * @param latchWidth the shared pages are laid out as the caller's width asks for, from now on
     * @param flush drops all translations of the processor's
     */
    HvmCalls(
            XenGuest guest,
            HvmParameters parameters,
            Upcall upcall,
            PhysicalMap map,
            Paging paging,
            Runnable latchWidth,
            Runnable flush) {
        this.guest = guest;
        this.memory = guest.memory();
        this.parameters = parameters;
        this.upcall = upcall;
        this.map = map;
        this.paging = paging;
        this.latchWidth = latchWidth;
        this.flush = flush;
    }

    /** a: command, where its structure is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch ((int) a[0]) {
            case SET_PARAM -> setParameter(memory.structure(a[1]));
            case GET_PARAM -> getParameter(memory.structure(a[1]));
            case FLUSH_TLBS -> {
                if (a[1] != 0) {
                    yield Errno.EINVAL;
                }
                flush.run();
                yield 0;
            }
            case PAGETABLE_DYING -> pagetableDying(memory.structure(a[1]));
            case GET_TIME -> {
                memory.writeLong(a[1], guest.clock().now());
                yield 0;
            }
            case GET_MEMORY_TYPE -> memoryType(memory.structure(a[1]));
            case SET_UPCALL_VECTOR -> setUpcallVector(memory.structure(a[1]));
            default -> Errno.ENOSYS;
        };
    }

    /** {u16 domain, u32 index, u64 value}. */
    private long setParameter(Structure request) {
        boolean self = guest.domain().isSelf(request.u16());
        long index = request.u32();
        long value = request.u64();
        long answer = self ? parameters.writable(index, value) : Errno.ESRCH;
        if (answer == 0) {
            parameters.value(index, value);
            if (index == HvmParameters.CALLBACK_IRQ) {
                upcall.callback(value);
                latchWidth.run();
            }
        }
        return answer;
    }

    private long getParameter(Structure request) {
        boolean self = guest.domain().isSelf(request.u16());
        long index = request.u32();
        long answer = self ? parameters.readable(index) : Errno.ESRCH;
        if (answer == 0) {
            memory.writeLong(request.place(8), parameters.value(index));
        }
        return answer;
    }

    /** {u16 domain, u16 unused[3], u64 guest-physical address of the top table}. */
    private long pagetableDying(Structure request) {
        boolean self = guest.domain().isSelf(request.u16());
        skip(request, 3);
        long top = request.u64();
        if (!self) {
            return Errno.ESRCH;
        }
        paging.pagetableDying(0, top);
        return 0;
    }

    /** {u16 domain, u16 type, u16 unused[2], u64 gfn}. */
    private long memoryType(Structure request) {
        boolean self = guest.domain().isSelf(request.u16());
        long type = request.place(2);
        skip(request, 2);
        long gfn = request.u64();
        if (!self) {
            return Errno.ESRCH;
        }
        memory.write(type, 2, memoryType(map.type(gfn)));
        return 0;
    }

    private static int memoryType(P2mType type) {
        return switch (type) {
            case RAM, LOG_DIRTY, POPULATE_ON_DEMAND, PAGED_OUT, SHARED -> RAM;
            case READ_ONLY -> READ_ONLY;
            case MMIO, HOLE -> DEVICE;
        };
    }

    private static void skip(Structure request, int halves) {
        for (int i = 0; i < halves; i++) {
            request.place(2);
        }
    }

    /** {u32 vCPU, u8 vector}. */
    private long setUpcallVector(Structure request) {
        long vcpu = request.u32();
        int vector = memory.readByte(request.place(1)) & 0xFF;
        if (vcpu != 0) {
            return Errno.ENOENT;
        }
        return upcall.ownVector(vector) ? 0 : Errno.EINVAL;
    }
}
