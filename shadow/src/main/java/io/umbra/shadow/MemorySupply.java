package io.umbra.shadow;

/** Who has the memory that a {@link P2m} knows of and that is in no frame of the domain's own yet. */
@FunctionalInterface
public interface MemorySupply {
    /**
     * The guest, or somebody on its behalf, is about to use the frame. Afterwards the P2M gives it memory: not {@link P2mType#POPULATE_ON_DEMAND} and not {@link P2mType#PAGED_OUT} any more, and where it is to be
     * written to not {@link P2mType#SHARED} either. Entries of other frames may change too, when room must be made.
     *
     * @param entry of the frame, as {@link P2m#lookup} gives it
     * @throws DomainCrash when no memory is left
     */
    void provide(long gfn, long entry, boolean forWriting);
}
