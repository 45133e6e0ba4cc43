package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;

/** {@code event_channel_op}, by the two-level ABI. */
public final class EventCalls implements HypercallFamily {
    private static final int BIND_INTERDOMAIN = 0, BIND_VIRQ = 1, CLOSE = 3, SEND = 4, STATUS = 5, ALLOC_UNBOUND = 6;
    private static final int BIND_IPI = 7, BIND_VCPU = 8, UNMASK = 9, RESET = 10;

    private final XenGuest guest;
    private final EventChannels events;
    private final CallerMemory memory;

    public EventCalls(XenGuest guest) {
        this.guest = guest;
        this.events = guest.events();
        this.memory = guest.memory();
    }

    /** a: command, where its structure is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        long at = a[1];
        return switch ((int) a[0]) {
            case BIND_VIRQ -> bound(at + 8, events.bindVirtual(word(at), word(at + 4)));
            case BIND_IPI -> bound(at + 4, events.bindIpi(word(at)));
            case ALLOC_UNBOUND ->
                guest.domain().isSelf(memory.readShort(at))
                        ? bound(at + 4, events.allocateUnbound(memory.readShort(at + 2) & 0xFFFF))
                        : Errno.ESRCH;
            case BIND_INTERDOMAIN -> Errno.ESRCH;
            case BIND_VCPU -> events.bindVcpu(word(at), word(at + 4));
            case SEND -> events.send(word(at));
            case CLOSE -> events.close(word(at));
            case UNMASK -> events.unmask(word(at));
            case STATUS -> status(at);
            case RESET -> guest.domain().isSelf(memory.readShort(at)) ? events.reset() : Errno.ESRCH;
            default -> Errno.ENOSYS;
        };
    }

    private long word(long at) {
        return memory.readInt(at) & 0xFFFF_FFFFL;
    }

    /** Tells the port; a port that cannot be told is closed again. */
    private long bound(long at, long port) {
        if (port < 0) {
            return port;
        }
        try {
            memory.writeInt(at, (int) port);
            return 0;
        } catch (BadPointer pointer) {
            events.close(port);
            return Errno.EFAULT;
        }
    }

    /** {u16 domain, u32 port @4, u32 status @8, u32 vCPU @12, 8 bytes by kind @16}. */
    private long status(long at) {
        long port = word(at + 4);
        if (!guest.domain().isSelf(memory.readShort(at))) {
            return Errno.ESRCH;
        }
        if (!events.exists(port)) {
            return Errno.EINVAL;
        }
        EventChannels.Kind kind = events.kind(port);
        memory.writeInt(at + 8, kind.ordinal());
        memory.writeInt(at + 12, 0);
        switch (kind) {
            case UNBOUND, VIRTUAL -> memory.writeInt(at + 16, events.detail(port));
            case INTERDOMAIN -> {
                memory.writeInt(at + 16, events.detail(port));
                memory.writeInt(at + 20, events.remotePort(port));
            }
            case CLOSED, PHYSICAL, IPI -> {}
        }
        return 0;
    }
}
