# Chapter 5: faults that the guest's tables explain, at CPL 0 and CPL 3.

.include "story.inc"

.equ READ_ONLY,         CHAPTER_5               # supervisor pages
.equ SUPERVISOR,        CHAPTER_5 + 0x1000
.equ NO_FETCH,          CHAPTER_5 + 0x2000
.equ USER_TEXT,         CHAPTER_5 + 0x200000    # user pages
.equ USER_READ_ONLY,    CHAPTER_5 + 0x201000
.equ USER_NO_FETCH,     CHAPTER_5 + 0x202000
.equ ABSENT,            CHAPTER_5 + 0x203000
.equ VALUE,             0x5555000000000003
.equ NX_FEATURE,        1 << 20                 # in extended_features

.text

.global chapter_5
chapter_5:
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    push    r15
    CHAPTER "Chapter 5. Faults that belong to the guest"
    STORY   "Not every fault is the hypervisor's. It walks the guest's tables with the rights of the access; what"
    STORY   "they forbid is handed back: CR2 and an error code (1 present, 2 write, 4 user, 16 fetch) as the"
    STORY   "processor would have made them, through the guest's own IDT. One right is finer in the guest than"
    STORY   "in a shadow: with CR0.WP=0 its kernel may write to read-only pages. Shadows are always used with"
    STORY   "WP=1, so there the hypervisor makes the store in the guest's place."
    COUNT_FROM_HERE

    # The fault just taken: its code, CR2 and the instruction.
    .macro EXPECT_FAULT what:req, code:req, address:req, instruction:req
    mov     rax, [rip + fault_code]
    EXPECT  "error code of \what", rax, "\code"
    mov     rax, [rip + fault_address]
    mov     rcx, \address
    EXPECT  "CR2 of \what", rax, rcx
    mov     rax, [rip + fault_rip]
    mov     rcx, \instruction
    EXPECT  "RIP of \what", rax, rcx
    .endm

    # A kernel write to a page that was read before, so that a read-only translation may be cached. Then the cure.
    TAKE_FRAME rbx
    MAP     READ_ONLY, rbx, PRESENT
    mov     rdi, READ_ONLY
    mov     r12, [rdi]
    mov     qword ptr [rip + fault_code], NO_FAULT
    lea     rax, [rip + make_writable]
    mov     [rip + fault_cure], rax
    mov     rax, VALUE
1:  mov     [rdi], rax
    lea     r12, [rip + 1b]
    EXPECT_FAULT "a kernel write to a read-only page", "FAULT_PRESENT | FAULT_WRITE", READ_ONLY, r12
    mov     r12, [rip + fault_code]
    mov     rax, [rbx + KERNEL_BASE]
    EXPECT  "what the retried kernel write left", rax, VALUE

    # The same right withdrawn, but CR0.WP clear: no fault, D set, and the page no more writable than before.
    mov     rdi, READ_ONLY
    mov     esi, L1_SHIFT
    call    entry_at
    lea     rcx, [rbx + PRESENT]
    mov     [rax], rcx
    mov     rdi, READ_ONLY
    invlpg  [rdi]
    mov     rbp, rax
    mov     rdx, cr0
    mov     rax, rdx
    and     rax, ~CR0_WP
    mov     cr0, rax
    mov     rax, VALUE + 1
    mov     [rdi], rax
    mov     cr0, rdx
    FENCE
    mov     rax, [rbx + KERNEL_BASE]
    EXPECT  "what a kernel write with CR0.WP=0 left", rax, "VALUE + 1"
    mov     rax, [rbp]
    and     eax, 0xfff
    EXPECT  "the entry after that write", rax, "PRESENT | ACCESSED | DIRTY"
    mov     rdi, READ_ONLY
    call    probe_write
    mov     r13, rax
    EXPECT  "error code of a kernel write with CR0.WP=1 again", rax, "FAULT_PRESENT | FAULT_WRITE"
    mov     rax, [rbx + KERNEL_BASE]
    EXPECT  "what that write must not have changed", rax, "VALUE + 1"

    # From CPL 3. RSI and RDX are where it finds the routine, and the way back, of user.S.
    .macro AS_USER routine:req, address:req
    mov     rdi, \address
    lea     rdx, [rip + user_page]
    mov     rcx, USER_TEXT
    sub     rcx, rdx
    lea     rsi, [rip + \routine]
    add     rsi, rcx
    lea     rdx, [rip + user_done]
    add     rdx, rcx
    .endm
    MAP     USER_TEXT, "OFFSET user_page - KERNEL_BASE", "PRESENT | USER"

    TAKE_FRAME rbx
    MAP     USER_READ_ONLY, rbx, "PRESENT | USER"
    lea     rax, [rip + make_writable]
    mov     [rip + fault_cure], rax
    AS_USER user_write, USER_READ_ONLY
    mov     r14, rsi
    call    run_as_user
    EXPECT_FAULT "a user write to a read-only page", "FAULT_PRESENT | FAULT_WRITE | FAULT_USER", USER_READ_ONLY, r14
    mov     r14, [rip + fault_code]
    mov     rax, [rbx + KERNEL_BASE]
    EXPECT  "what the retried user write left", rax, 0x5a

    TAKE_FRAME rbx
    MAP     SUPERVISOR, rbx, "PRESENT | WRITABLE"
    AS_USER user_read, SUPERVISOR
    call    probe_as_user
    mov     r15, rax
    EXPECT_FAULT "a user read of a kernel page", "FAULT_PRESENT | FAULT_USER", SUPERVISOR, USER_TEXT

    AS_USER user_read, ABSENT
    call    probe_as_user
    mov     rbp, rax
    EXPECT_FAULT "a user read of an absent page", FAULT_USER, ABSENT, USER_TEXT

    # No-execute pages. Should one run after all, what it holds finds the way back: JMP RDX, and INT 0x80.
    test    dword ptr [rip + extended_features], NX_FEATURE
    jz      no_nx
    TAKE_FRAME rbx
    mov     dword ptr [rbx + KERNEL_BASE], 0xe2ff
    MAP     NO_FETCH, rbx, "PRESENT | NO_EXECUTE"
    mov     rdi, NO_FETCH
    call    probe_fetch
    mov     rbx, rax
    EXPECT_FAULT "a kernel fetch from a no-execute page", "FAULT_PRESENT | FAULT_FETCH", NO_FETCH, NO_FETCH
    push    rbx
    TAKE_FRAME rbx
    mov     dword ptr [rbx + KERNEL_BASE], 0x80cd
    MAP     USER_NO_FETCH, rbx, "PRESENT | USER | NO_EXECUTE"
    AS_USER user_fetch, USER_NO_FETCH
    call    probe_as_user
    push    rax
    EXPECT_FAULT "a user fetch from a no-execute page", "FAULT_PRESENT | FAULT_USER | FAULT_FETCH", USER_NO_FETCH, USER_NO_FETCH
    COUNT_TO_HERE
    call    tell_rights
    pop     rax
    pop     rbx
    TELL    "fetch from a no-execute page: by the kernel code %x, by a user %x", rbx, rax
    jmp     2f

no_nx:
    COUNT_TO_HERE
    call    tell_rights
    TELL    "the processor has no NX, so no fetch can be forbidden"

2:  VERDICT
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret

tell_rights:
    TELL    "kernel write to a read-only page: code %x; the handler allowed it; retried, stored", r12
    TELL    "the same with CR0.WP=0: no fault, stored, page still read-only; WP=1 again: code %x", r13
    TELL    "user write to a read-only page: code %x, cured likewise", r14
    TELL    "user read of a kernel page: code %x, of no page: code %x", r15, rbp
    ret

# The cure: gives the page that faulted the right that it lacked, and forgets what a TLB may hold of it.
make_writable:
    mov     rdi, [rip + fault_address]
    mov     esi, L1_SHIFT
    call    entry_at
    or      qword ptr [rax], WRITABLE
    mov     rdi, [rip + fault_address]
    invlpg  [rdi]
    ret
