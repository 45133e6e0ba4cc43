package io.umbra.vmm.loader;

/** An image that a guest can be booted from, recognised by its content. */
public sealed interface GuestImage permits LinuxBzImage, LinuxElf, PvhElf, FlatImage {

    /** What kind of image this is, in a few words for the user. */
    String kind();

    /**
     * Puts the image, its tables and what the request brings into the guest's memory.
     *
     * @param memory memory of the layout that the request's map describes, zero at first
     * @throws LoadException if the image is broken, does not fit, or the request asks for what this kind cannot have
     */
    EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException;

    /**
     * Tells an image's kind.
     *
     * @param content the file, which must not change afterwards
     * @param name the file's name, for messages
     * @throws LoadException if it is of no kind that can be booted, or its header is broken
     */
    static GuestImage recognise(byte[] content, String name) throws LoadException {
        ImageBytes image = new ImageBytes(content, name);
        if (image.length() == 0) {
            throw image.wrong("is empty");
        }
        if (image.startsWith(0, FlatImage.MAGIC)) {
            return FlatImage.parse(image);
        }
        if (image.startsWith(0, ElfFile.MAGIC)) {
            return recogniseElf(image);
        }
        if (SetupHeader.isRecognised(image)) {
            return LinuxBzImage.parse(image);
        }
        if (Multiboot.isRecognised(image)) {
            throw image.wrong("Multiboot images cannot be booted yet");
        }
        throw image.wrong("no bootable image: neither a Linux bzImage, an ELF kernel nor a flat image");
    }

    private static GuestImage recogniseElf(ImageBytes image) throws LoadException {
        ElfFile elf = ElfFile.parse(image);
        XenNotes notes = XenNotes.of(elf);
        if (notes.physicalEntry().isPresent()) {
            return new PvhElf(elf, notes.physicalEntry().getAsLong());
        }
        if (notes.isXenPv()) {
            throw image.wrong("Xen PV kernels without a PVH entry cannot be booted yet");
        }
        if (Multiboot.isRecognised(image)) {
            throw image.wrong("Multiboot images cannot be booted yet");
        }
        if (elf.isLongMode()) {
            return new LinuxElf(elf);
        }
        throw image.wrong("a 32-bit ELF file without a PVH note cannot be booted");
    }
}
