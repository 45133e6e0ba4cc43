package io.umbra.vmm.loader;

/**
 * A file that is handed to a guest beside its image.
 *
 * @param text what the guest is told of it: the file's name, and after a space its arguments
 * @param content its bytes, which must not change afterwards
 */
// A module of some megabytes is passed on, never compared.
@SuppressWarnings("ArrayRecordComponent")
public record BootModule(String text, byte[] content) {}
