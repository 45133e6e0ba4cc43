# Chapter 1: the state at the entry, and the two maps between frames of the guest and of the machine.

.include "story.inc"

.equ VERSION,           0                       # a command of XEN_VERSION
.equ SIGNATURE_LEAF,    0x40000000
.equ SIGNATURE,         0x566e6558              # "XenV", what EBX holds of XenVMMXenVMM

.text

.global chapter_1
chapter_1:
    SAVE_CALLERS
    CHAPTER "Chapter 1. Where a PV guest wakes up"
    STORY   "Already in 64-bit mode, with paging on, at CPL 3, with RSI pointing at start_info. No instruction of"
    STORY   "the kernel's is privileged: what would be is a hypercall, or faults and is carried out for it. Its"
    STORY   "memory is scattered over the machine. A list gives the frame of the machine for each of its own;"
    STORY   "the M2P, which belongs to the hypervisor and is only to be read, gives the way back."

    # start_info, and the segments.
    mov     rbx, [rip + start_info]
    mov     rax, [rbx]
    mov     rcx, 0x2d302e332d6e6578             # "xen-3.0-"
    EXPECT  "start_info's magic, first half", rax, rcx
    mov     rax, [rbx + 8]
    mov     rcx, 0x34365f363878                 # "x86_64"
    EXPECT  "start_info's magic, second half", rax, rcx
    EXPECT  "CS at the entry", [rip+boot_code], FLAT_CODE
    EXPECT  "SS at the entry", [rip+boot_data], FLAT_DATA
    movzx   eax, byte ptr [rip + shared_info + UPCALL_MASK]
    EXPECT  "whether events are masked at the entry", rax, 1
    mov     rax, [rip + boot_stack]
    and     eax, 0xfff
    EXPECT  "offset of the boot stack's top in a page", rax, 0
    mov     r14, [rip + boot_code]
    and     r14d, 3
    TELL    "CS %x, SS %x: CPL %d; it is told to be a guest of 'xen-3.0-x86_64'", [rip+boot_code], [rip+boot_data], r14

    # A hypercall by either way.
    xor     edi, edi
    xor     esi, esi
    HYPERCALL XEN_VERSION
    mov     r12, rax
    xor     edi, edi
    xor     esi, esi
    lea     rbp, [rip + 1f]
    HYPERCALL_PLAIN XEN_VERSION
1:  mov     r13, rcx
    EXPECT  "version by SYSCALL and by the hypercall page", rax, r12
    EXPECT  "RCX after a hypercall by SYSCALL", r13, rbp
    mov     r13, r12
    shr     r13, 16
    EXPECT  "major version of the interface", r13, 4
    movzx   r12d, r12w
    TELL    "the hypercall page and SYSCALL itself agree: Xen's interface, version %d.%d", r13, r12

    # CPUID, asked so that it reaches the hypervisor also where the processor would answer.
    mov     eax, SIGNATURE_LEAF
    ud2
    .ascii  "xen"
    cpuid
    mov     r12d, ebx
    EXPECT  "the hypervisor's signature by forced CPUID", r12, SIGNATURE
    mov     eax, SIGNATURE_LEAF
    cpuid
    mov     ebx, ebx
    EXPECT  "the hypervisor's signature by CPUID", rbx, SIGNATURE

    # An instruction that is privileged.
    mov     rdi, [rip + kernel_l4]
    call    machine_address
    mov     r12, rax
    mov     rax, cr3
    EXPECT  "CR3, which is read by emulation", rax, r12
    TELL    "MOV from CR3 at CPL 3 is carried out for it: the machine address of its own L4"

    # The walk by hand to this very code. The entries name frames of the machine.
    lea     rdi, [rip + chapter_1]
    mov     esi, 1
    call    find_entry
    mov     rbx, [rax]
    mov     rax, FRAME_MASK
    and     rbx, rax
    lea     rdi, [rip + chapter_1]
    and     rdi, -0x1000
    call    machine_address
    EXPECT  "the frame in the entry of this code", rbx, rax
    TELL    "4 entries lead from its L4 to this code; the last names the frame that the list has"

    # The M2P against the list.
    mov     rbx, [rip + start_info]
    mov     rbx, [rbx + START_PAGES]
    mov     rsi, [rip + machine_frames]
    mov     rdi, MACHINE_TO_PHYS
    xor     r12d, r12d
    xor     r13d, r13d                          # pages that come back to themselves
2:  mov     rax, [rsi + r12 * 8]
    xor     ecx, ecx
    cmp     [rdi + rax * 8], r12
    sete    cl
    add     r13, rcx
    inc     r12
    cmp     r12, rbx
    jb      2b
    EXPECT  "pages that the M2P leads back to", r13, rbx
    TELL    "%d pages, each in some frame of the machine; the M2P leads back from %d of them", rbx, r13

    mov     rdi, MACHINE_TO_PHYS
    mov     rsi, 7
    call    probe_write
    mov     r12, rax
    EXPECT  "error code of a write to the M2P", rax, "FAULT_PRESENT | FAULT_WRITE"
    mov     rax, [rip + fault_address]
    mov     rcx, MACHINE_TO_PHYS
    EXPECT  "CR2 of a write to the M2P", rax, rcx
    TELL    "a write to the M2P: page fault, code %x (1 present, 2 write, 4 user, 16 fetch)", r12
    VERDICT
    RESTORE_CALLERS
    ret
