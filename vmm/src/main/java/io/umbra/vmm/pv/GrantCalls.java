package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;

/** {@code grant_table_op}: a grant table of version 1, of which nobody takes anything yet. */
final class GrantCalls implements HypercallFamily {
    private static final int SETUP = 2, QUERY_SIZE = 6, SET_VERSION = 8, GET_VERSION = 10;
    private static final int OK = 0, GENERAL_ERROR = -1, BAD_DOMAIN = -2;
    private static final int MOST_FRAMES = 4;

    private final PvGuest guest;
    private final GuestMemory memory;
    private final long[] frames = new long[MOST_FRAMES];
    private int used;

    GrantCalls(PvGuest guest) {
        this.guest = guest;
        this.memory = guest.kernel();
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
                yield guest.isSelf(memory.readShort(a[1])) ? 0 : Errno.ESRCH;
            }
            default -> Errno.ENOSYS;
        };
    }

    /** {u16 domain, u32 frames @4, s16 status @8, u64 pointer @16 to the frames' numbers}. */
    private long setup(long at) {
        int wanted = memory.readInt(at + 4);
        if (!guest.isSelf(memory.readShort(at))) {
            memory.write(at + 8, 2, BAD_DOMAIN);
            return 0;
        }
        if (wanted < 0 || wanted > MOST_FRAMES || !grow(wanted)) {
            memory.write(at + 8, 2, GENERAL_ERROR);
            return 0;
        }
        long list = memory.readLong(at + 16);
        for (int i = 0; i < wanted; i++) {
            memory.writeLong(list + 8L * i, frames[i]);
        }
        memory.write(at + 8, 2, OK);
        return 0;
    }

    private boolean grow(int wanted) {
        while (used < wanted) {
            long mfn = guest.tables().share(true);
            if (mfn < 0) {
                return false;
            }
            frames[used++] = mfn;
        }
        return true;
    }

    /** {u16 domain, u32 frames @4, u32 most @8, s16 status @12}. */
    private long querySize(long at) {
        boolean self = guest.isSelf(memory.readShort(at));
        memory.writeInt(at + 4, self ? Math.max(1, used) : 0);
        memory.writeInt(at + 8, self ? MOST_FRAMES : 0);
        memory.write(at + 12, 2, self ? OK : BAD_DOMAIN);
        return 0;
    }
}
