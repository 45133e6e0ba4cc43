package io.umbra.vmm.loader;

import org.jspecify.annotations.Nullable;

/**
 * What a guest is to be started with besides its image.
 *
 * @param commandLine the kernel's command line
 * @param initrd the initial RAM disk; null or empty for none
 * @param memoryMap where RAM lies and what the guest is told of it
 * @param rsdp guest-physical address of the ACPI root pointer, 0 if there is none
 */
// An image of some megabytes is passed on, never compared.
@SuppressWarnings("ArrayRecordComponent")
public record LoadRequest(String commandLine, byte @Nullable [] initrd, MemoryMap memoryMap, long rsdp) {

    /** A request without initial RAM disk and ACPI. */
    public static LoadRequest of(String commandLine, MemoryMap memoryMap) {
        return new LoadRequest(commandLine, null, memoryMap, 0);
    }
}
