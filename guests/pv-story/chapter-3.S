# Chapter 3: requests that are refused, with their error numbers, and what they leave behind: nothing.

.include "story.inc"

.equ PAGE,              CHAPTER_3
.equ WITHOUT_TABLES,    0x7000000000            # nothing is mapped near it
.equ BEYOND,            0x4000000000            # a machine address behind all memory
.equ LARGEST_MFN,       2                       # a command of MEMORY_OP
.equ VERSION,           0

.text

.global chapter_3
chapter_3:
    SAVE_CALLERS
    CHAPTER "Chapter 3. What is refused"
    STORY   "A refused request answers an error number and leaves all as it was. A guest that tries is not ended"
    STORY   "for it: it may not know what its neighbours own. Yet none of these may ever succeed, or it could"
    STORY   "write itself an entry for any frame of the machine."

    TAKE_FRAME rbp
    MAP     PAGE, rbp, "PRESENT | WRITABLE"
    EXPECT  "result of mapping a page", rax, 0
    mov     r12, rcx                            # the entry that all try to change
    mov     r13, [rcx]                          # what it holds

    # The request has been made; RAX is its result. Keeps the number, positive, in a register.
    .macro REFUSED what:req, number:req, kept:req
    neg     rax
    mov     \kept, rax
    EXPECT  "error of \what", \kept, \number
    .endm

    # The L4, writable.
    ENTRY   rsi, "[rip + kernel_l4]", "PRESENT | WRITABLE"
    mov     rdi, r12
    call    set_entry
    REFUSED "mapping the L4 writable", EBUSY, r14
    EXPECT  "the entry after mapping the L4 writable", [r12], r13

    # A frame of the hypervisor's: the table that L4 slot 256 names.
    mov     rax, [rip + kernel_l4]
    mov     rsi, [rax + HYPERVISOR_SLOT * 8]
    mov     rax, FRAME_MASK
    and     rsi, rax
    or      rsi, PRESENT
    mov     rdi, r12
    call    set_entry
    REFUSED "mapping a table of the M2P", EBUSY, r15
    EXPECT  "the entry after mapping a table of the M2P", [r12], r13
    TELL    "mapping its L4 writable: error %d; a frame of the hypervisor's, read-only: error %d", r14, r15

    # No frame at all.
    mov     rsi, BEYOND | PRESENT
    mov     rdi, r12
    call    set_entry
    REFUSED "mapping what is no memory", EPERM, r14

    # A caching bit at level 1, and PS above it.
    ENTRY   rsi, rbp, "PRESENT | WRITABLE | LARGE"
    mov     rdi, r12
    call    set_entry
    REFUSED "bit 7 in an L1 entry, where it is PAT", EINVAL, r15
    EXPECT  "the entry after bit 7", [r12], r13
    mov     rdi, PAGE + 0x200000
    mov     esi, 2
    call    find_entry
    mov     rbx, rax
    ENTRY   rsi, rbp, "PRESENT | WRITABLE | LARGE"
    mov     rdi, rbx
    call    set_entry
    REFUSED "PS in an L2 entry", EINVAL, r15
    EXPECT  "the L2 entry after PS", [rbx], 0
    TELL    "a frame that the machine has not: error %d; a large page: error %d", r14, r15

    # A table that is a writable page, and one of the wrong level.
    ENTRY   rsi, rbp, "PRESENT | WRITABLE"
    mov     rdi, rbx
    call    set_entry
    REFUSED "a writable page as an L1", EINVAL, r14
    EXPECT  "the L2 entry after that", [rbx], 0
    ENTRY   rsi, "[rip + kernel_l4]", "PRESENT | WRITABLE"
    mov     rdi, rbx
    call    set_entry
    REFUSED "the L4 as an L1", EINVAL, r15
    TELL    "an L2 entry that names a writable page: error %d; that names the L4: error %d", r14, r15

    # The hypervisor's slots of the L4, the first and the last, and the first that is the guest's again.
    mov     rbx, [rip + kernel_l4]
    lea     rdi, [rbx + HYPERVISOR_SLOT * 8]
    xor     esi, esi
    call    set_entry
    REFUSED "clearing L4 slot 256", EINVAL, r14
    lea     rdi, [rbx + (LINEAR_SLOT - 1) * 8]
    xor     esi, esi
    call    set_entry
    REFUSED "clearing L4 slot 271", EINVAL, r15
    TELL    "clearing slot 256 of its L4: error %d; slot 271: error %d", r14, r15
    lea     rdi, [rbx + LINEAR_SLOT * 8]
    xor     esi, esi
    call    set_entry
    EXPECT  "result of clearing L4 slot 272", rax, 0

    # Places that are none.
    mov     rdi, r12
    call    machine_address
    lea     rdi, [rax + 4]
    mov     rsi, r13
    call    update
    REFUSED "half an entry", EINVAL, r14
    mov     rdi, WITHOUT_TABLES
    mov     rsi, r13
    xor     edx, edx
    HYPERCALL UPDATE_VA_MAPPING
    REFUSED "an address for which there is no L1", EINVAL, r15
    TELL    "an entry at no multiple of 8: error %d; an address without an L1: error %d", r14, r15

    mov     rdi, r12
    call    machine_address
    mov     rdi, rax
    mov     rsi, r13
    mov     r10d, STRANGER
    call    update_for
    REFUSED "frames of a domain that is not there", ESRCH, r14
    mov     rdi, WITHOUT_TABLES
    mov     esi, 1
    xor     edx, edx
    mov     r10d, SELF
    HYPERCALL MMU_UPDATE
    REFUSED "a request at an address that is not mapped", EFAULT, r15
    HYPERCALL NO_HYPERCALL
    REFUSED "a hypercall that there is not", ENOSYS, rbx
    TELL    "frames of domain 5: error %d; a request at a bad address: %d; hypercall 60: %d", r14, r15, rbx

    # Two requests, of which the second is bad: the first is done, and counted.
    mov     rdi, r12
    call    machine_address
    lea     rdi, [rip + requests]
    mov     [rdi], rax
    mov     [rdi + 16], rax
    mov     qword ptr [rdi + 8], 0
    mov     qword ptr [rdi + 24], LARGE | PRESENT
    mov     esi, 2
    lea     rdx, [rip + done]
    mov     r10d, SELF
    HYPERCALL MMU_UPDATE
    REFUSED "the second of two requests", EINVAL, r14
    mov     r15d, [rip + done]
    EXPECT  "requests that were done", r15, 1
    EXPECT  "the entry after the first request", [r12], 0
    TELL    "two requests, the second is bad: error %d, and %d was done", r14, r15
    VERDICT
    RESTORE_CALLERS
    ret

.bss
.balign 8
requests:   .skip 32
done:       .skip 8
