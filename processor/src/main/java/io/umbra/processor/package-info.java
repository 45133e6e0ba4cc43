/**
 * The software processor: executes guest code until something needs the hypervisor.
 *
 * <p>Rules of the package, by the names under which they are reported:
 *
 * <ul>
 *   <li>FAULT-1: a fault that the hypervisor's handler calls fixed is fixed within 64 walks.
 *   <li>WALK-1: shadows and P2M tables name machine frames that exist.
 *   <li>EMULATE-1: an emulated access has a port to go to.
 *   <li>OP-1 … OP-4: see {@link io.umbra.processor.Op}.
 *   <li>TLB-1: a translation is cached for writing only by a walk that set the dirty bit, and never while its frame holds decoded code.
 *   <li>TLB-2: while accesses must be looked at one by one (emulation, alignment checks, data breakpoints), the fast paths have an empty bank.
 *   <li>CODE-1: a block is dropped before any of its bytes changes, whoever changes them; the running block is left behind the instruction that did.
 *   <li>COUNT-1: an instruction is counted when it completes; a REP once; INT n when its event is delivered; nothing that faulted.
 * </ul>
 */
@NullMarked
package io.umbra.processor;

import org.jspecify.annotations.NullMarked;
