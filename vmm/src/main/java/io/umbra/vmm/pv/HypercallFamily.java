package io.umbra.vmm.pv;

/** Hypercalls that belong together. */
@FunctionalInterface
interface HypercallFamily {
    /**
     * Serves one call.
     *
     * @param arguments six, as the guest passed them; when the answer is {@link io.umbra.shadow.pv.Errno#RESTART} they are what the call is to be made with again
     * @return what the guest finds in RAX: a result that is not negative, or an errno
     * @throws BadPointer which the guest finds there as EFAULT
     * @throws io.umbra.shadow.DomainCrash when the guest cannot go on
     */
    long call(HypercallNumber number, long[] arguments);
}
