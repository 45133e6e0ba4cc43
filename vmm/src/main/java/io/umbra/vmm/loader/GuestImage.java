package io.umbra.vmm.loader;

import java.util.Optional;
import java.util.OptionalLong;

/** An image that a guest can be booted from, recognised by its content. */
public sealed interface GuestImage permits LinuxBzImage, LinuxElf, PvhElf, MultibootImage, FlatImage {

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
     * Tells an image's kind by its content, asked for in this order:
     *
     * <ol>
     *   <li>Linux bzImage: {@code HdrS} at 0x202
     *   <li>Multiboot header in a file that is no 64-bit ELF file, or that gives addresses: it is loaded by them
     *   <li>ELF file with a Xen PVH note
     *   <li>any other file with a Multiboot header
     *   <li>any other 64-bit ELF file: an uncompressed Linux kernel
     *   <li>flat image: {@code UMBRAFLT} at 0
     * </ol>
     *
     * So an image that is both PVH and Multiboot is taken as QEMU takes it: Multiboot goes first, but not for a 64-bit ELF
     * file, which QEMU refuses to load by Multiboot.
     *
     * @param content the file, which must not change afterwards
     * @param name the file's name, for messages and for the command line of a Multiboot image
     * @throws LoadException if it is of no kind that can be booted, or its header is broken
     */
    static GuestImage recognise(byte[] content, String name) throws LoadException {
        ImageBytes image = new ImageBytes(content, name);
        if (image.length() == 0) {
            throw image.wrong("is empty");
        }
        if (SetupHeader.isRecognised(image)) {
            return LinuxBzImage.parse(image);
        }
        Optional<MultibootHeader> multiboot = MultibootHeader.find(image);
        boolean isElf = image.startsWith(0, ElfFile.MAGIC);
        if (multiboot.isPresent() && (multiboot.get().hasAddresses() || !isElf || !ElfFile.isWide(image))) {
            return MultibootImage.parse(multiboot.get());
        }
        if (isElf) {
            return recogniseElf(image, multiboot);
        }
        if (image.startsWith(0, FlatImage.MAGIC)) {
            return FlatImage.parse(image);
        }
        throw image.wrong(
                "no bootable image: neither a Linux bzImage, an ELF kernel, a Multiboot image nor a flat image");
    }

    /**
     * The same for a guest of Xen's interface, which is entered by its PVH note wherever there is one: in an ELF file before its Multiboot header, and in the kernel inside a bzImage. Xen's own builder knows
     * no other entry.
     *
     * @throws LoadException as {@link #recognise}
     */
    static GuestImage recogniseForXen(byte[] content, String name) throws LoadException {
        ImageBytes image = new ImageBytes(content, name);
        if (image.startsWith(0, ElfFile.MAGIC)) {
            ElfFile elf = ElfFile.parse(image);
            OptionalLong entry = XenNotes.forXen(elf).physicalEntry();
            if (entry.isPresent()) {
                return new PvhElf(elf, entry.getAsLong());
            }
        }
        GuestImage any = recognise(content, name);
        return any instanceof LinuxBzImage linux ? linux.byNote() : any;
    }

    private static GuestImage recogniseElf(ImageBytes image, Optional<MultibootHeader> multiboot) throws LoadException {
        ElfFile elf = ElfFile.parse(image);
        XenNotes notes = XenNotes.of(elf);
        if (notes.physicalEntry().isPresent()) {
            return new PvhElf(elf, notes.physicalEntry().getAsLong());
        }
        if (multiboot.isPresent()) {
            return MultibootImage.parse(multiboot.get());
        }
        if (notes.isXenPv()) {
            throw image.wrong("a Xen PV kernel without a PVH entry: --guest pv boots it");
        }
        if (elf.isLongMode()) {
            return new LinuxElf(elf);
        }
        throw image.wrong("a 32-bit ELF file with neither a PVH note nor a Multiboot header cannot be booted");
    }
}
