package io.umbra.vmm.xen;

/** Hypercalls that belong together. */
@FunctionalInterface
public interface HypercallFamily {
    /**
     * Serves one call.
     *
     * @param arguments six, as the guest passed them; when the answer is {@link io.umbra.shadow.pv.Errno#RESTART} they are what the call is to be made with again
     * @return what the guest finds in RAX: a result that is not negative, or an errno
     * @throws BadPointer which the guest finds there as EFAULT
     * @throws io.umbra.shadow.DomainCrash when the guest cannot go on
     */
    public long call(HypercallNumber number, long[] arguments);
}
