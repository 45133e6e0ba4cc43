package io.umbra.tools.matrix;

/** Whoever decides accesses: the definition, or an implementation that is held against it. */
public interface Subject extends AutoCloseable {

    /**
     * Makes the access of a case in the state that the case describes. Nothing of earlier cases counts.
     *
     * @param entriesAfter receives, by level, the entries of the path as the access left them
     */
    Answer answer(AccessCase accessCase, long[] entriesAfter);

    /** Checks what can be checked inside, at a moment between two cases. */
    default void audit() {}

    @Override
    default void close() {}
}
