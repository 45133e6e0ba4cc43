/**
 * The advanced programmable interrupt controllers: the local APIC of the processor, with its timer, and the I/O APIC of the board. Sources: Intel SDM vol. 3A, chapter "Advanced
 * Programmable Interrupt Controller (APIC)"; Intel data sheet 82093AA.
 *
 * <pre>
 *   LocalApic            what is requested, in service and deliverable; the local vector table; interprocessor interrupts
 *   ApicTimer            one-shot, periodic, TSC-deadline
 *   ApicRegisters        the registers by number, common to both interfaces
 *   ApicWindow           the xAPIC interface: a page of memory
 *   ApicModelRegisters   IA32_APIC_BASE, IA32_TSC_DEADLINE and the x2APIC interface
 *   IoApic               24 pins and their redirection entries
 * </pre>
 *
 * An interrupt line carries assertion, not voltage: the polarity bits are kept and mean nothing else.
 */
@NullMarked
package io.umbra.vmm.apic;

import org.jspecify.annotations.NullMarked;
