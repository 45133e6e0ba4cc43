package io.umbra.vmm.device;

import org.jspecify.annotations.Nullable;

/**
 * The I/O port space: 65,536 byte-wide ports, each claimed by one device or by none.
 *
 * <p>An unclaimed port reads as all ones and ignores writes. An access that is wider than its device, not aligned to its
 * own size, or that runs over the edge of a device is split into halves, low address first, as an ISA bus controller
 * does. Ports do not wrap: bytes beyond 0xffff belong to nobody.
 */
public final class PortBus {
    private static final int PORTS = 0x1_0000;

    private final @Nullable PortDevice[] devices = new @Nullable PortDevice[PORTS];

    /** A port space without devices. */
    public PortBus() {}

    /**
     * Gives {@code count} ports from {@code first} to {@code device}.
     *
     * @throws IllegalArgumentException if the range leaves the port space or one of its ports has an owner
     */
    public void claim(int first, int count, PortDevice device) {
        if (first < 0 || count < 1 || first > PORTS - count) {
            throw new IllegalArgumentException("ports %#x+%d are outside the port space".formatted(first, count));
        }
        for (int port = first; port < first + count; port++) {
            if (devices[port] != null) {
                throw new IllegalArgumentException("port %#x is claimed twice".formatted(port));
            }
        }
        for (int port = first; port < first + count; port++) {
            devices[port] = device;
        }
    }

    /** The value of an IN of 1, 2 or 4 bytes, zero-extended. */
    public long read(int port, int size) {
        PortDevice device = deviceAt(port);
        if (size == 1) {
            return device == null ? 0xff : device.read(port, 1) & 0xff;
        }
        if (device != null && takesWhole(device, port, size)) {
            return device.read(port, size) & mask(size);
        }
        int half = size / 2;
        return read(port, half) | read(port + half, half) << (8 * half);
    }

    /** Whether {@link #read} asks one device alone, and in vain would look for what else has changed. */
    public boolean isQuiet(int port, int size) {
        PortDevice device = deviceAt(port);
        return device != null && device.isQuiet(port) && (size == 1 || takesWhole(device, port, size));
    }

    /** An OUT of 1, 2 or 4 bytes; bits of {@code value} above the size are ignored. */
    public void write(int port, int size, long value) {
        PortDevice device = deviceAt(port);
        if (size == 1) {
            if (device != null) {
                device.write(port, 1, value & 0xff);
            }
        } else if (device != null && takesWhole(device, port, size)) {
            device.write(port, size, value & mask(size));
        } else {
            int half = size / 2;
            write(port, half, value);
            write(port + half, half, value >>> (8 * half));
        }
    }

    private @Nullable PortDevice deviceAt(int port) {
        return port < PORTS ? devices[port] : null;
    }

    private boolean takesWhole(PortDevice device, int port, int size) {
        if (device.width() < size || port % size != 0) {
            return false;
        }
        for (int next = port + 1; next < port + size; next++) {
            if (deviceAt(next) != device) {
                return false;
            }
        }
        return true;
    }

    private static long mask(int size) {
        return (1L << (8 * size)) - 1;
    }
}
