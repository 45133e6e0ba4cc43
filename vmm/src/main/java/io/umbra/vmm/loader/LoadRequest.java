package io.umbra.vmm.loader;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a guest is to be started with besides its image.
 *
 * @param commandLine the kernel's command line
 * @param modules the initial RAM disk, or what else the guest is handed, in order
 * @param memoryMap where RAM lies and what the guest is told of it
 * @param rsdp guest-physical address of the ACPI root pointer, 0 if there is none
 */
public record LoadRequest(String commandLine, List<BootModule> modules, MemoryMap memoryMap, long rsdp) {

    public LoadRequest {
        modules = List.copyOf(modules);
    }

    /** A request with at most an initial RAM disk: null or empty for none. */
    public LoadRequest(String commandLine, byte @Nullable [] initrd, MemoryMap memoryMap, long rsdp) {
        this(
                commandLine,
                initrd == null || initrd.length == 0 ? List.of() : List.of(new BootModule("", initrd)),
                memoryMap,
                rsdp);
    }

    /** A request without initial RAM disk and ACPI. */
    public static LoadRequest of(String commandLine, MemoryMap memoryMap) {
        return new LoadRequest(commandLine, List.of(), memoryMap, 0);
    }

    /** The one initial RAM disk, of no bytes if there is none, for an image that takes no more than one. */
    byte[] initrd(ImageBytes image) throws LoadException {
        if (modules.size() > 1) {
            throw image.wrong("takes one initrd, not %d".formatted(modules.size()));
        }
        return modules.isEmpty() ? new byte[0] : modules.getFirst().content();
    }
}
