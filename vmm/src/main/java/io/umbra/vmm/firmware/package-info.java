/**
 * The tables by which a PC's firmware describes the machine: ACPI's and those of the multiprocessor specification. They say the same of the same machine: one processor, one I/O APIC,
 * the ISA interrupts on its pins, the timer's on pin 2.
 *
 * <pre>
 *   0e0000 RSDP   0e0040 … RSDT, XSDT, FADT, MADT, DSDT   told as ACPI tables (type 3)
 *   0e8000 FACS                                           told as ACPI storage (type 4), writable
 *   0f0000 MP floating pointer, 0f0010 MP configuration table
 * </pre>
 */
@NullMarked
package io.umbra.vmm.firmware;

import org.jspecify.annotations.NullMarked;
