package io.umbra.vmm.state;

/**
 * A part of a machine that holds something on which the guest's future depends.
 *
 * <p>Restoring sets what the part holds and nothing else: no line is driven, nobody is told. So the parts of a machine can be restored in any order, but for the clock, which comes
 * before those that have timers in it.
 */
public interface Persistent {

    /** The part's name in a stream: at most {@value StateFormat#LONGEST_NAME} ASCII characters, unlike that of any other part. */
    String stateName();

    /** Of the layout that {@link #save} writes. A part reads its own version only. */
    default int stateVersion() {
        return 1;
    }

    /** Writes all that the part holds. Changes nothing. */
    void save(StateWriter out);

    /**
     * Takes what {@link #save} wrote.
     *
     * @throws StateException when this is nothing that the part could hold; the part's state is undefined then, and its machine must not run
     */
    void restore(StateReader in) throws StateException;
}
