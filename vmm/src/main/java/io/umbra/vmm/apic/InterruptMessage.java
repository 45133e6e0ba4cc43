package io.umbra.vmm.apic;

/**
 * What an I/O APIC sends.
 *
 * @param vector 0 to 255
 * @param isLevel the vector's end of interrupt must be told to the I/O APICs
 * @param isLogical whether {@code destination} names a set of processors instead of one APIC ID
 * @param destination eight bits; 0xff is everybody
 */
public record InterruptMessage(int vector, DeliveryMode mode, boolean isLevel, boolean isLogical, int destination) {}
