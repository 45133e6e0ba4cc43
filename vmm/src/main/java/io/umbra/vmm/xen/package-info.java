/**
 * Xen's interface to guests, as far as it is the same for both kinds of them: hypercalls for callers of 64 and of 32 bits, event channels, shared pages, time, console and store. What a kind of guest has of its own, and
 * what a frame's number means, is in {@link io.umbra.vmm.pv} and {@link io.umbra.vmm.hvm}.
 */
@NullMarked
package io.umbra.vmm.xen;

import org.jspecify.annotations.NullMarked;
