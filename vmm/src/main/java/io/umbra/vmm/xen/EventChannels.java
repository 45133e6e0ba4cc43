package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import java.util.Arrays;

/**
 * A domain's event channels by the two-level ABI: a bit a port in {@link SharedInfo}, a bit a word of them in {@link VcpuInfo}, one upcall. Xen: {@code event_channel.c}, {@code event_2l.c}.
 *
 * <p>Numbers that a guest names are checked by every method that takes one; a method answers 0, a port or a negative {@link Errno}.
 */
public final class EventChannels {
    public static final int VIRQ_TIMER = 0;

    /** Per-vCPU and global interrupts that exist; none but the timer is ever raised. */
    private static final int VIRQS = 24;

    /** What a port is, numbered as EVTCHNOP_status tells it. */
    public enum Kind {
        CLOSED,
        UNBOUND,
        INTERDOMAIN,
        PHYSICAL,
        VIRTUAL,
        IPI
    }

    /**
     * @param detail the remote domain, the number of the virtual interrupt, or 0
     * @param remotePort of an interdomain channel
     * @param send what becomes of the guest's own events
     */
    private record Channel(Kind kind, int detail, int remotePort, Runnable send) {
        static final Channel NONE = new Channel(Kind.CLOSED, 0, 0, () -> {});
    }

    private final SharedInfo shared;
    private final VcpuInfo vcpu;
    private final Channel[] channels = new Channel[SharedInfo.PORTS];
    private final int[] virtualPorts = new int[VIRQS];
    private Runnable upcall = () -> {};
    private long raised;

    public EventChannels(SharedInfo shared, VcpuInfo vcpu) {
        this.shared = shared;
        this.vcpu = vcpu;
        Arrays.fill(channels, Channel.NONE);
    }

    /** @param action what is done each time the vCPU has an event pending after it had none */
    public void onUpcall(Runnable action) {
        upcall = action;
    }

    /** Events that were announced to the guest so far. */
    public long raised() {
        return raised;
    }

    // ---- binding
    // ------------------------------------------------------------------------------------------------------------

    /** A port that is connected to a service of the hypervisor's own, as the toolstack does for console and store. */
    public int connect(Runnable send) {
        return open(new Channel(Kind.INTERDOMAIN, 0, 1, send));
    }

    public long allocateUnbound(int remoteDomain) {
        return open(new Channel(Kind.UNBOUND, remoteDomain, 0, () -> {}));
    }

    public long bindVirtual(long virq, long onVcpu) {
        if (virq < 0 || virq >= VIRQS) {
            return Errno.EINVAL;
        }
        if (onVcpu != 0) {
            return Errno.ENOENT;
        }
        if (virtualPorts[(int) virq] != 0) {
            return Errno.EEXIST;
        }
        int port = open(new Channel(Kind.VIRTUAL, (int) virq, 0, () -> {}));
        if (port > 0) {
            virtualPorts[(int) virq] = port;
        }
        return port;
    }

    public long bindIpi(long onVcpu) {
        if (onVcpu != 0) {
            return Errno.ENOENT;
        }
        return open(new Channel(Kind.IPI, 0, 0, () -> {}));
    }

    /** All ports are on the one vCPU; what Xen refuses is refused. */
    public long bindVcpu(long port, long onVcpu) {
        if (onVcpu != 0) {
            return Errno.ENOENT;
        }
        if (!isPort(port)) {
            return Errno.EINVAL;
        }
        return switch (channels[(int) port].kind) {
            case UNBOUND, INTERDOMAIN, PHYSICAL -> 0;
            case CLOSED, VIRTUAL, IPI -> Errno.EINVAL;
        };
    }

    public long close(long port) {
        if (!isPort(port) || channels[(int) port].kind == Kind.CLOSED) {
            return Errno.EINVAL;
        }
        Channel closed = channels[(int) port];
        if (closed.kind == Kind.VIRTUAL) {
            virtualPorts[closed.detail] = 0;
        }
        channels[(int) port] = Channel.NONE;
        shared.pending((int) port, false);
        return 0;
    }

    /** All ports are closed, as by EVTCHNOP_reset, but those of the hypervisor's services. */
    public long reset() {
        for (int port = 1; port < SharedInfo.PORTS; port++) {
            if (channels[port].kind != Kind.INTERDOMAIN) {
                close(port);
            }
        }
        return 0;
    }

    private int open(Channel channel) {
        for (int port = 1; port < shared.layout().ports(); port++) {
            if (channels[port].kind == Kind.CLOSED) {
                channels[port] = channel;
                return port;
            }
        }
        return Errno.ENOSPC;
    }

    private boolean isPort(long port) {
        return port > 0 && port < shared.layout().ports();
    }

    // ---- status
    // -------------------------------------------------------------------------------------------------------------

    public boolean exists(long port) {
        return isPort(port);
    }

    public Kind kind(long port) {
        return channels[(int) port].kind;
    }

    /** The remote domain of an unbound or interdomain port, the number of a virtual interrupt. */
    public int detail(long port) {
        return channels[(int) port].detail;
    }

    public int remotePort(long port) {
        return channels[(int) port].remotePort;
    }

    // ---- events
    // ------------------------------------------------------------------------------------------------------------

    /** The guest notifies the other end. */
    public long send(long port) {
        if (!isPort(port)) {
            return Errno.EINVAL;
        }
        Channel channel = channels[(int) port];
        return switch (channel.kind) {
            case INTERDOMAIN -> {
                channel.send.run();
                yield 0;
            }
            case IPI -> {
                raise((int) port);
                yield 0;
            }
            case UNBOUND -> 0;
            case CLOSED, PHYSICAL, VIRTUAL -> Errno.EINVAL;
        };
    }

    public void raiseVirtual(int virq) {
        if (virtualPorts[virq] != 0) {
            raise(virtualPorts[virq]);
        }
    }

    /** The event has happened: the guest is told unless it knows already, or has masked the port. */
    public void raise(int port) {
        if (channels[port].kind == Kind.CLOSED || shared.isPending(port)) {
            return;
        }
        shared.pending(port, true);
        raised++;
        if (!shared.isMasked(port)) {
            announce(port);
        }
    }

    /** Unmasks a port, and announces it if it is pending. */
    public long unmask(long port) {
        if (!isPort(port) || channels[(int) port].kind == Kind.CLOSED) {
            return Errno.EINVAL;
        }
        shared.masked((int) port, false);
        if (shared.isPending((int) port)) {
            announce((int) port);
        }
        return 0;
    }

    private void announce(int port) {
        if (!vcpu.select(port) && !vcpu.isPending()) {
            vcpu.pending(true);
            upcall.run();
        }
    }

    /** Whether one of these ports is pending, masked or not. */
    public boolean anyPending(int[] ports) {
        return Arrays.stream(ports).anyMatch(port -> isPort(port) && shared.isPending(port));
    }
}
