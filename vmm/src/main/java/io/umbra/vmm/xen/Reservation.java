package io.umbra.vmm.xen;

import io.umbra.vmm.loader.MemoryMap;
import java.util.List;

/** The frames of a domain, as {@code memory_op} tells, gives and takes them. What a frame's number means is the kind of guest's affair. */
public interface Reservation {
    /** Frames that the domain has. */
    long current();

    /** Frames that it may have. */
    long most();

    /** The last machine frame that there may be. */
    long lastMachineFrame();

    /** What the guest is told of where its memory is, in ascending order. */
    List<MemoryMap.Range> map();

    /** Takes one frame. @return whether that was possible */
    boolean release(long frame);

    /**
     * Gives frames in a row where the guest wants them.
     *
     * @param place where the guest has their number, and learns of another
     */
    boolean populate(long wanted, long place, int order);

    /**
     * Gives frames in a row.
     *
     * @param place where the guest learns of them, 0 for nowhere
     */
    boolean increase(long place, int order);

    /**
     * Any other command.
     *
     * @param arguments as passed; from bit 6 of the first on is where to go on
     * @return as {@link HypercallFamily#call}
     */
    long other(int command, long[] arguments);
}
