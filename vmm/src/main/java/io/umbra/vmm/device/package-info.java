/**
 * The devices of a PC, as the guest meets them at its I/O ports and in memory, and the virtual time that they follow. The APICs are in {@code io.umbra.vmm.apic}.
 *
 * <p>Every device is written to its data sheet, not to one guest. All state belongs to the thread that runs the domain:
 * nothing here is thread-safe, and nothing here looks at the host's clock, so that a run is a function of its inputs.
 *
 * <pre>
 *   port        device                       interrupt
 *   020 021     8259A master                 INTR of the processor
 *   040..043    8254 timer                   IRQ 0 (counter 0)
 *   060 064     8042 keyboard controller     IRQ 1, IRQ 12
 *   061         speaker and counter 2 gate   (part of the 8254)
 *   070 071     CMOS RAM and clock           IRQ 8
 *   092         system control port A        (part of the 8042)
 *   0a0 0a1     8259A slave                  IRQ 2 of the master
 *   0e0..0e7    test device, with 2000..200f and memory at ff000000
 *   0e9         debug console
 *   0f4..0f7    debug exit
 *   3d4..3da    text adapter
 *   3f8..3ff    16550A serial port           IRQ 4
 *   4d0 4d1     edge/level control           (part of the 8259A pair)
 *   510 511     firmware configuration
 *   600..60b    ACPI power management        IRQ 9
 *   cf8..cfb    reset control at cf9; the rest of the window answers as a machine without PCI
 * </pre>
 *
 * Every other port, the POST code port 0x80 and the PCI data port 0xcfc among them, reads as all ones and ignores writes.
 */
@NullMarked
package io.umbra.vmm.device;

import org.jspecify.annotations.NullMarked;
