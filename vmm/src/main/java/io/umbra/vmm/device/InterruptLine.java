package io.umbra.vmm.device;

/**
 * An interrupt request line, as a device drives it. Whether the edge or the level counts is the interrupt controller's
 * affair. Setting a line to the state that it already has is no edge.
 */
@FunctionalInterface
public interface InterruptLine {

    /** Drives the line: high when {@code asserted}. */
    void set(boolean asserted);
}
