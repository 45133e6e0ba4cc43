# From the PVH entry, 32-bit and unpaged, to 64-bit code in the upper half.
#
# The contract at the entry (Xen's "x86/HVM direct boot ABI"): flat 32-bit segments, CR0.PE set and CR0.PG clear, CR4
# zero, interrupts off, EBX the physical address of the hvm_start_info. There is no stack, and none is needed.
#
# The tables built here:
#
#     L4 boot_l4 ── slot 0 ──── L3 low_l3 ───── slot 0 ──── L2 low_l2 ───── slot 0 ─┐
#            └───── slot 511 ── L3 kernel_l3 ── slot 510 ── L2 kernel_l2 ── slot 0 ─┴─ L1 kernel_l1: physical 0 to 2 MiB
#
# Slot 0 maps the code that switches paging on where it already runs; it is taken away as soon as RIP is in the
# upper half. Kernel code and read-only data are mapped read-only, all else writable.

.include "story.inc"


# In 32-bit code, the physical address of a symbol that is linked in the upper half: adding PHYSICAL takes KERNEL_BASE
# off again, modulo 2^64.
.equ PHYSICAL,          0x80000000

# ---- The note by which loaders recognise the entry ------------------------------------------------------------------

.section .note.Xen, "a", @note
    .balign 4
    .long   4, 8, 18                            # sizes of name and value; XEN_ELFNOTE_PHYS32_ENTRY
    .asciz  "Xen"
    .quad   pvh_start

# ---- 32 bits, unpaged -----------------------------------------------------------------------------------------------

.section .boot, "ax"
.code32
.global pvh_start
pvh_start:
    cli
    cld
    mov     ebp, ebx                            # CPUID will want EBX

    # The loader has zeroed .bss, if it kept the contract. It holds tables, so be sure.
    mov     edi, OFFSET bss_start + PHYSICAL
    mov     ecx, OFFSET bss_end + PHYSICAL
    sub     ecx, edi
    shr     ecx, 2
    xor     eax, eax
    rep stosd

    mov     eax, [ebp]
    mov     edi, OFFSET start_info_magic + PHYSICAL
    mov     [edi], eax

    # L1: 512 pages, linear = physical. Entries are 8 bytes; the upper half of each stays 0.
    mov     edi, OFFSET kernel_l1 + PHYSICAL
    xor     eax, eax
1:  lea     edx, [eax + PRESENT + WRITABLE]
    cmp     eax, OFFSET read_only_start + PHYSICAL
    jb      2f
    cmp     eax, OFFSET read_only_end + PHYSICAL
    jae     2f
    lea     edx, [eax + PRESENT]
2:  mov     [edi], edx
    add     edi, 8
    add     eax, 0x1000
    cmp     eax, 0x200000
    jb      1b

    # The two branches above it.
    .macro LINK table:req, slot:req, below:req
    mov     edi, OFFSET \table + \slot * 8 + PHYSICAL
    mov     eax, OFFSET \below + PRESENT + WRITABLE + PHYSICAL
    mov     [edi], eax
    .endm

    LINK    low_l2, 0, kernel_l1
    LINK    low_l3, 0, low_l2
    LINK    boot_l4, 0, low_l3
    LINK    kernel_l2, 0, kernel_l1
    LINK    kernel_l3, 510, kernel_l2
    LINK    boot_l4, KERNEL_SLOT, kernel_l3

    # Which rights there are to switch on: NX, if leaf 0x80000001 has EDX bit 20.
    mov     esi, EFER_LME
    mov     eax, 0x80000000
    cpuid
    cmp     eax, 0x80000001
    jb      3f
    mov     eax, 0x80000001
    cpuid
    mov     edi, OFFSET extended_features + PHYSICAL
    mov     [edi], edx
    test    edx, 1 << 20
    jz      3f
    or      esi, EFER_NXE

    # The order is the architecture's: CR4.PAE and CR3 first, EFER.LME while unpaged, CR0.PG last.
3:  mov     eax, CR4_PAE
    mov     cr4, eax
    mov     eax, OFFSET boot_l4 + PHYSICAL
    mov     cr3, eax
    mov     ecx, EFER
    mov     eax, esi
    xor     edx, edx
    wrmsr

    mov     edi, OFFSET boot_gdt_pointer
    lgdt    [edi]
    mov     eax, CR0_PE | CR0_WP | CR0_PG | 1 << 4 | 1 << 5      # ET and NE
    mov     cr0, eax                            # EFER.LMA is 1 from here on; the code segment is still a 32-bit one
    .byte   0xea                                # far jump, pointer 16:32 as an immediate
    .long   in_long_mode
    .word   KERNEL_CODE

.code64
in_long_mode:
    mov     rax, OFFSET in_the_upper_half
    jmp     rax

.balign 8, 0xcc
boot_gdt:
    .quad   0
    .quad   0x00af9b000000ffff                  # 64-bit code, DPL 0: the same as KERNEL_CODE in the final GDT
boot_gdt_pointer:
    .word   boot_gdt_pointer - boot_gdt - 1
    .long   boot_gdt

# ---- 64 bits, in the upper half -------------------------------------------------------------------------------------

.text
in_the_upper_half:
    xor     eax, eax
    mov     ss, eax                             # a null SS is legal at CPL 0 in 64-bit mode
    mov     ds, eax
    mov     es, eax
    mov     fs, eax
    mov     gs, eax
    lea     rsp, [rip + kernel_stack_end]
    push    2
    popfq                                       # of the flags, the loader has promised IF, TF and VM only
    call    install_traps

    # Slot 0 has served. A present entry goes, so the TLB must be told.
    mov     qword ptr [rip + boot_l4], 0
    mov     rax, cr3
    mov     cr3, rax
    jmp     tell_the_story

.data
.balign 8
.global start_info_magic, extended_features
start_info_magic:   .quad 0                     # what EBX pointed at; must be START_INFO_MAGIC
extended_features:  .quad 0                     # EDX of CPUID leaf 0x80000001

.bss
.balign 0x1000
.global boot_l4, kernel_l3, kernel_l2, kernel_l1
boot_l4:    .skip 0x1000
low_l3:     .skip 0x1000
low_l2:     .skip 0x1000
kernel_l3:  .skip 0x1000
kernel_l2:  .skip 0x1000
kernel_l1:  .skip 0x1000
            .skip 0x4000
kernel_stack_end:
