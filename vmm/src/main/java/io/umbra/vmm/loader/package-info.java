/**
 * Loaders: from the bytes of an image to a guest's memory and the state in which its first vCPU starts.
 *
 * <p>Guest-physical memory, by kind of image:
 *
 * <pre>
 *   00400 .. 004ff    BIOS data area: serial port, end of low memory          Multiboot
 *   00500 .. 0051f    GDT: null, null, code (10), flat data (18)              Linux, flat
 *   01000 .. 01fff    PVH start info, module list, memory map                 PVH
 *   07000 .. 07fff    zero page (boot_params)                                 Linux
 *   08000 .. 08fef    stack of a Linux kernel, downwards from 08ff0           Linux
 *   09000 .. 0efff    PML4, PDPT, four page directories: the first 4 GiB      long mode
 *                     mapped to themselves in 2 MiB pages
 *   09000 ..          information structure and what it points at             Multiboot
 *   20000 .. 2ffff    command line, ended by NUL                          not Multiboot
 *   30000 .. 9efff    stack of a flat image, downwards from 9f000             flat
 *   9fc00 .. fffff    reserved in the memory map
 *   100000 ..         the image; a Multiboot image lies where it wants, its
 *                     modules behind it
 *   top               initrd: as high as RAM below 3 GiB and the kernel's limit let it
 * </pre>
 *
 * <p>Images are input of the user's and may be hostile. Whatever is wrong with one ends in a {@link
 * io.umbra.vmm.loader.LoadException} with one line for the user, and in nothing else.
 */
@NullMarked
package io.umbra.vmm.loader;

import org.jspecify.annotations.NullMarked;
