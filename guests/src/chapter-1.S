# Chapter 1 tells what boot.S did, and checks what it left: the mode, and the A and D bits of the boot tables.

.include "story.inc"

.text

.global chapter_1
chapter_1:
    push    rbx
    CHAPTER "Chapter 1. From no paging to long mode"
    STORY   "The guest started unpaged. By hand it built four levels of tables that map its first 2 MiB, set"
    STORY   "CR4.PAE and EFER.LME, and switched CR0.PG on. The very next fetch has to be translated, but the"
    STORY   "shadow L4 is empty. It faults; the hypervisor walks the guest's four levels, sets their A bits as"
    STORY   "the processor would have done, and copies the entries it met into a shadow L4, L3, L2 and L1."

    mov     eax, [rip + start_info_magic]
    EXPECT  "magic number of the PVH start info that EBX pointed at", rax, 0x336ec578

    mov     rbx, cr0
    mov     rax, rbx
    mov     ecx, CR0_PG | CR0_WP | CR0_PE
    and     rax, rcx
    EXPECT  "PG, WP and PE of CR0", rax, rcx
    mov     ecx, EFER
    rdmsr
    shl     rdx, 32
    or      rax, rdx
    push    rax
    and     eax, EFER_LMA | EFER_LME
    EXPECT  "LMA and LME of EFER", rax, "EFER_LMA | EFER_LME"
    mov     eax, cs
    EXPECT  "CS", rax, KERNEL_CODE
    pop     rcx
    mov     rdx, cr3
    mov     rax, cr4
    TELL    "CR0 %x  CR3 %x  CR4 %x  EFER %x", rbx, rdx, rax, rcx

    # The entries that the present code was fetched through, from the top.
    .irp entry, "boot_l4 + KERNEL_SLOT * 8", "kernel_l3 + 510 * 8", "kernel_l2"
    mov     rax, [rip + \entry]
    and     eax, PRESENT | ACCESSED
    EXPECT  "P and A of \entry", rax, "PRESENT | ACCESSED"
    .endr
    lea     rdi, [rip + chapter_1]
    mov     esi, L1_SHIFT
    call    entry_at
    mov     rax, [rax]
    and     eax, PRESENT | WRITABLE | ACCESSED | DIRTY
    mov     ebx, eax
    EXPECT  "the L1 entry of the code: A set, D clear, read-only", rax, "PRESENT | ACCESSED"
    mov     rdi, rsp
    mov     esi, L1_SHIFT
    call    entry_at
    mov     rax, [rax]
    and     eax, PRESENT | WRITABLE | ACCESSED | DIRTY
    EXPECT  "the L1 entry of the stack: A and D set", rax, "PRESENT | WRITABLE | ACCESSED | DIRTY"
    TELL    "low bits of its L1 entries: code %x (A, not D, read-only), stack %x (A and D)", rbx, rax

    # The mapping at linear 0 is gone, and the TLB was told.
    xor     edi, edi
    call    probe_read
    EXPECT  "error code of a read at linear 0", rax, 0

    VERDICT L1_SHADOWS, L2_SHADOWS, L3_SHADOWS, L4_SHADOWS
    pop     rbx
    ret
