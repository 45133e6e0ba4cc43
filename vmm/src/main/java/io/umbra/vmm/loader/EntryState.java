package io.umbra.vmm.loader;

/** The state in which a guest's first vCPU starts. What is not named is 0, or as after a reset. */
public sealed interface EntryState {
    /** The code segment in the GDT that a kernel of Linux's boot protocols or a flat image starts with (__BOOT_CS). */
    int CODE_SELECTOR = 0x10;

    /** The flat data segment in that GDT (__BOOT_DS). */
    int DATA_SELECTOR = 0x18;

    /**
     * 64-bit mode: CR0 = PE, ET, PG; CR4 = PAE; EFER = LME, LMA; RFLAGS = 2; CS is {@link #CODE_SELECTOR}; DS, ES and SS
     * are {@link #DATA_SELECTOR}; FS and GS are null; the IDT has limit 0. Paging maps the first 4 GiB to themselves.
     *
     * @param rip first instruction
     * @param rsp top of a stack
     * @param rsi Linux: the zero page; flat image: bytes of RAM
     * @param cr3 guest-physical address of the PML4
     * @param gdtBase guest-physical and linear address of the GDT
     * @param gdtLimit its last byte's offset
     * @param rdi flat image: the command line; Linux: 0
     */
    record LongMode(long rip, long rsp, long rsi, long cr3, long gdtBase, int gdtLimit, long rdi)
            implements EntryState {}

    /**
     * 32-bit protected mode without paging, as Xen's PVH: CR0 = PE, ET; RFLAGS = 2; CS flat 32-bit code (attributes 0xc9b);
     * DS, ES and SS flat data (0xc93); TR a 32-bit TSS with limit 0x67 (0x8b); no GDT in memory.
     *
     * @param eip first instruction
     * @param startInfo value of EBX, guest-physical address of the hvm_start_info
     */
    record Pvh(long eip, long startInfo) implements EntryState {}

    /**
     * Linux's 32-bit boot protocol: protected mode without paging; CR0 = PE, ET; RFLAGS = 2; CS is {@link #CODE_SELECTOR},
     * flat 32-bit code; the other segments are {@link #DATA_SELECTOR}; EBP, EDI, EBX and the rest are 0.
     *
     * @param eip first instruction, the start of the protected-mode part
     * @param zeroPage value of ESI
     * @param esp top of a stack
     * @param gdtBase physical address of the GDT
     * @param gdtLimit its last byte's offset
     */
    record Linux32(long eip, long zeroPage, long esp, long gdtBase, int gdtLimit) implements EntryState {}

    /**
     * Multiboot 1: protected mode without paging; CR0 = PE, ET; RFLAGS = 2; A20 on; CS flat 32-bit code, the other segments
     * flat data; EAX = 0x2badb002; no GDT, IDT and stack. Source: Multiboot specification 0.6.96, section 3.2.
     *
     * @param eip first instruction
     * @param info value of EBX, physical address of the information structure
     */
    record Multiboot(long eip, long info) implements EntryState {
        /** What tells a kernel in EAX that a Multiboot loader has loaded it. */
        public static final long MAGIC = 0x2bad_b002L;
    }
}
