/**
 * Domains that run 64-bit paravirtualised guests, by the interface of Xen: the guest's kernel and its processes both run at CPL 3, the kernel asks for what it needs by hypercalls, and what would enter
 * a kernel on hardware enters the hypervisor, which hands it on. The pagetables are in {@link io.umbra.shadow.pv}; here is everything else of the interface.
 *
 * <ul>
 *   <li>PV-1: the guest executes nothing at another CPL than 3.
 *   <li>PV-2: whatever a guest passes to a hypercall, or leaves in its memory, registers and shared pages, ends in an answer, in an exception of its own or in a
 *       {@link io.umbra.shadow.DomainCrash}.
 *   <li>PV-3: before the guest runs on after anything that entered the hypervisor, events that are pending and not masked are delivered.
 * </ul>
 */
@NullMarked
package io.umbra.vmm.pv;

import org.jspecify.annotations.NullMarked;
