package io.umbra.vmm.device;

/** A device reached by port I/O. Sizes are 1, 2 or 4 bytes, values are zero-extended. */
public interface PortDevice {

    /** The value that an IN of {@code size} bytes from {@code port} gives; bits above the size are ignored. */
    long read(int port, int size);

    /** An OUT of the low {@code size} bytes of {@code value} to {@code port}. */
    void write(int port, int size, long value);

    /**
     * Whether reading {@code port} changes nothing but what this device's own ports will read as: no interrupt comes or goes by it, no
     * event is scheduled, nobody else is told.
     */
    default boolean isQuiet(int port) {
        return false;
    }

    /**
     * The widest access, in bytes, that the device decodes as one. {@link PortBus} splits anything wider, so a device
     * that leaves this at 1 only ever sees sizes of 1.
     */
    default int width() {
        return 1;
    }
}
