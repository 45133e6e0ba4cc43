/**
 * Xen's interface for HVM guests: how an unmodified machine finds it by CPUID, calls it by VMCALL or VMMCALL from kernels of 64 and of 32 bits, and is told of events by interrupts. What it has in common with PV guests'
 * is in {@link io.umbra.vmm.xen}. A frame's number is a guest frame number here.
 *
 * <ul>
 *   <li>ABI-1: whatever a guest passes to a hypercall, or leaves in its memory, registers and shared pages, ends in an answer, in an exception of its own or in a {@link io.umbra.shadow.DomainCrash}.
 *   <li>ABI-2: the hypervisor reaches what it shares with a guest through the P2M each time, or in frames of its own that no guest can have freed; and paging is told of each write.
 *   <li>ABI-3: before the guest runs on after anything that entered the hypervisor, a pending upcall is offered to its processor.
 * </ul>
 */
@NullMarked
package io.umbra.vmm.hvm;

import org.jspecify.annotations.NullMarked;
