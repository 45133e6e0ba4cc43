package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import java.util.function.LongUnaryOperator;

/** {@code grant_table_op}: as far as a guest without devices needs it. */
public final class GrantCalls implements HypercallFamily {
    private static final int SETUP = 2, QUERY_SIZE = 6, SET_VERSION = 8, GET_VERSION = 10;
    private static final int OK = 0, GENERAL_ERROR = -1, BAD_DOMAIN = -2;

    private final XenDomain domain;
    private final CallerMemory memory;
    private final GrantTable table;
    private final LongUnaryOperator name;

    /** @param name how the guest names a machine frame of the table */
    public GrantCalls(XenGuest guest, GrantTable table, LongUnaryOperator name) {
        this.domain = guest.domain();
        this.memory = guest.memory();
        this.table = table;
        this.name = name;
    }

    /** a: command, where its structures are, how many. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        if ((a[2] & 0xFFFF_FFFFL) > 1) {
            return Errno.EINVAL;
        }
        return switch ((int) a[0]) {
            case SETUP -> setup(a[1]);
            case QUERY_SIZE -> querySize(a[1]);
            case SET_VERSION -> {
                boolean isOne = memory.readInt(a[1]) == 1;
                memory.writeInt(a[1], 1);
                yield isOne ? 0 : Errno.EINVAL;
            }
            case GET_VERSION -> {
                memory.writeInt(a[1] + 4, 1);
                yield domain.isSelf(memory.readShort(a[1])) ? 0 : Errno.ESRCH;
            }
            default -> Errno.ENOSYS;
        };
    }

    /** {u16 domain, u32 frames, s16 status, pointer to the frames' numbers, a word each}. */
    private long setup(long at) {
        Structure request = memory.structure(at);
        boolean self = domain.isSelf(request.u16());
        long wanted = request.u32();
        long status = request.place(2);
        if (!self) {
            memory.write(status, 2, BAD_DOMAIN);
            return 0;
        }
        if (wanted > GrantTable.MOST_FRAMES || !table.grow((int) wanted)) {
            memory.write(status, 2, GENERAL_ERROR);
            return 0;
        }
        long list = request.word();
        for (int i = 0; i < wanted; i++) {
            memory.writeWord(list + (long) memory.wordBytes() * i, name.applyAsLong(table.frame(i)));
        }
        memory.write(status, 2, OK);
        return 0;
    }

    /** {u16 domain, u32 frames @4, u32 most @8, s16 status @12}. */
    private long querySize(long at) {
        boolean self = domain.isSelf(memory.readShort(at));
        memory.writeInt(at + 4, self ? Math.max(1, table.used()) : 0);
        memory.writeInt(at + 8, self ? GrantTable.MOST_FRAMES : 0);
        memory.write(at + 12, 2, self ? OK : BAD_DOMAIN);
        return 0;
    }
}
