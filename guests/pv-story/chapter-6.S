# Chapter 6: user mode, which has an address space of its own, and the ways there and back.

.include "story.inc"

.equ TEXT_PAGE,         CHAPTER_6
.equ DATA_PAGE,         CHAPTER_6 + 0x1000
.equ STACK_PAGE,        CHAPTER_6 + 0x2000
.equ READ_ONLY,         CHAPTER_6 + 0x3000
.equ KERNELS,           CHAPTER_6 + 0x4000      # without US
.equ ABSENT,            CHAPTER_6 + 0x5000
.equ STACK_TOP,         CHAPTER_6 + 0x3000
.equ USER_GS,           DATA_PAGE + 0x800
.equ USER_WORD,         0x6666000000000003
.equ KERNEL_WORD,       0x6666000000000000
.equ SET_GS_USER,       1                       # of SET_SEGMENT_BASE
.equ SET_GS_KERNEL,     2
.equ IDT_ENTRY,         2                       # in an error code

.text

# The linear address of a place in user.S for user mode. RAX is spared, unless it is the register; RCX is not.
.macro USER_ADDRESS register:req, place:req
    lea     \register, [rip + \place]
    lea     rcx, [rip + user_page]
    sub     \register, rcx
    mov     rcx, TEXT_PAGE
    add     \register, rcx
.endm

# Goes to user mode at a routine of user.S, with an address as its argument.
.macro AS_USER routine:req, address:req
    mov     rdi, \address
    USER_ADDRESS rsi, \routine
    mov     rdx, STACK_TOP
    call    run_as_user
.endm

# How the stay ended.
.macro EXPECT_END what:req, vector:req, code:req
    EXPECT  "vector of \what", rax, \vector
    EXPECT  "error code of \what", "[rip + fault_code]", "\code"
.endm

.global chapter_6
chapter_6:
    SAVE_CALLERS
    CHAPTER "Chapter 6. Two guests in one ring"
    STORY   "The kernel at CPL 3, its users at CPL 3: a bit in an entry cannot part them, so a second L4 does,"
    STORY   "with the user's slots and nothing of the kernel. The hypervisor switches between the two, and with"
    STORY   "them between two GS bases: at SYSCALL, at exceptions, and at the hypercall by which the kernel"
    STORY   "returns. To the kernel's handlers it tells the truth of bits that the processor cannot know: the"
    STORY   "error code's user bit, and the ring in CS."

    # What user mode has.
    lea     rbp, [rip + user_page]
    MAP     TEXT_PAGE, rbp, "PRESENT | USER"
    EXPECT  "result of mapping the user's code", rax, 0
    TAKE_FRAME rbx
    MAP     DATA_PAGE, rbx, "PRESENT | WRITABLE | USER | NO_EXECUTE"
    EXPECT  "result of mapping the user's data", rax, 0
    TAKE_FRAME rbp
    MAP     STACK_PAGE, rbp, "PRESENT | WRITABLE | USER | NO_EXECUTE"
    EXPECT  "result of mapping the user's stack", rax, 0
    MAP     READ_ONLY, rbp, "PRESENT | USER | NO_EXECUTE"
    EXPECT  "result of mapping a read-only page", rax, 0
    MAP     KERNELS, rbp, "PRESENT | WRITABLE | NO_EXECUTE"
    EXPECT  "result of mapping a kernel's page among them", rax, 0

    # The user's L4: one slot. The hypervisor puts its own in when it becomes a table.
    TAKE_FRAME r12
    mov     rax, [rip + kernel_l4]
    mov     rax, [rax + USER_SLOT * 8]
    mov     [r12 + USER_SLOT * 8], rax
    mov     rdi, r12
    call    make_read_only
    MFN     r13, r12
    EXTENDED PIN_L4, r13
    EXPECT  "result of pinning the user's L4", rax, 0
    EXTENDED NEW_USER_BASE, r13
    EXPECT  "result of making it the user's L4", rax, 0
    mov     rax, [rip + kernel_l4]
    mov     rax, [rax + HYPERVISOR_SLOT * 8]
    mov     rcx, [r12 + HYPERVISOR_SLOT * 8]
    EXPECT  "slot 256 of the user's L4", rcx, rax
    xor     r14d, r14d                          # slots in use, besides the hypervisor's
    xor     ecx, ecx
1:  mov     rax, rcx
    sub     rax, HYPERVISOR_SLOT
    cmp     rax, LINEAR_SLOT - HYPERVISOR_SLOT
    jb      2f
    mov     eax, [r12 + rcx * 8]
    and     eax, PRESENT
    add     r14, rax
2:  inc     ecx
    cmp     ecx, 512
    jb      1b
    EXPECT  "slots of the user's L4 in use", r14, 1
    TELL    "the user's L4 has %d slot in use; slots 256 to 271 came by themselves", r14

    # The GS bases.
    mov     rax, USER_WORD
    mov     [rbx + 0x800], rax
    mov     rax, KERNEL_WORD
    mov     [rip + kernel_word], rax
    mov     edi, SET_GS_KERNEL
    lea     rsi, [rip + kernel_word]
    HYPERCALL SET_SEGMENT_BASE
    EXPECT  "result of setting the kernel's GS base", rax, 0
    mov     edi, SET_GS_USER
    mov     rsi, USER_GS
    HYPERCALL SET_SEGMENT_BASE
    EXPECT  "result of setting the user's GS base", rax, 0

    # A tour through user mode: a system call that returns there, and one that does not.
    AS_USER user_tour, DATA_PAGE
    EXPECT  "how the tour ended", rax, SYSTEM_CALL
    EXPECT  "CS in user mode", [rbx], FLAT_CODE
    mov     rax, USER_WORD
    EXPECT  "the word at GS:0 in user mode", [rbx+8], rax
    EXPECT  "result of system call 41", [rbx+16], 42
    USER_ADDRESS rax, user_after_call
    EXPECT  "RCX after the system call", [rbx+24], rax
    EXPECT  "system calls", [rip+system_calls], 2
    mov     rax, KERNEL_WORD
    EXPECT  "the word at GS:0 in the system call's handler", [rip+system_call_gs], rax
    mov     rax, [rip + system_call_rip]
    EXPECT  "RCX and RIP of a system call", [rip+system_call_rcx], rax
    mov     r14, gs:[0]
    mov     rax, KERNEL_WORD
    EXPECT  "the word at GS:0 in the kernel", r14, rax
    mov     r15d, [rip + system_call_code]
    and     r15d, 3
    EXPECT  "RPL of the CS that a system call comes from", r15, 3
    TELL    "a tour to user mode: %d SYSCALLs, call 41 gives %d, from RPL %d", [rip+system_calls], [rbx+16], r15
    TELL    "the word at GS:0: there %x, here %x", [rbx+8], r14

    # Faults of user mode.
    AS_USER user_read, KERNEL_BASE + 0x100000
    mov     r14, [rip + fault_code]
    EXPECT_END "a user read of the kernel's memory", PAGE_FAULT, FAULT_USER
    mov     rcx, KERNEL_BASE + 0x100000
    EXPECT  "CR2 of that read", [rip+fault_address], rcx
    USER_ADDRESS rax, user_read
    EXPECT  "RIP of that read", [rip+fault_rip], rax
    AS_USER user_write, READ_ONLY
    mov     r15, [rip + fault_code]
    EXPECT_END "a user write to a read-only page", PAGE_FAULT, "FAULT_PRESENT | FAULT_WRITE | FAULT_USER"
    TELL    "user read of the kernel's memory: code %x, no page; write to a read-only page: %x", r14, r15
    AS_USER user_fetch, DATA_PAGE
    mov     r14, [rip + fault_code]
    EXPECT_END "a user fetch from a no-execute page", PAGE_FAULT, "FAULT_PRESENT | FAULT_USER | FAULT_FETCH"
    AS_USER user_write, ABSENT
    mov     r15, [rip + fault_code]
    EXPECT_END "a user write to no page", PAGE_FAULT, "FAULT_WRITE | FAULT_USER"
    TELL    "user fetch from a no-execute page: code %x; write to no page: %x", r14, r15
    AS_USER user_read, KERNELS
    mov     r14, rax
    EXPECT  "how a user read of a page without US ended", rax, SYSTEM_CALL
    cmp     r14, SYSTEM_CALL
    TEXT    r14, "it reads it, for both are at CPL 3"
    TEXT    rax, "FAULT"
    cmovne  r14, rax
    TELL    "a page without US, but in the user's L4: %s", r14

    # Privileged instructions and INT. Only the vector that its handler offers to users may be raised.
    AS_USER user_halt, 0
    mov     r14, rax
    EXPECT_END "HLT in user mode", GENERAL_PROTECTION, 0
    AS_USER user_permitted, 0
    mov     r15, rax
    EXPECT  "vector of INT 0x80 in user mode", rax, PERMITTED
    AS_USER user_forbidden, 0
    mov     rcx, [rip + fault_code]
    push    rcx
    EXPECT_END "INT 0x81 in user mode", GENERAL_PROTECTION, "(PERMITTED + 1) * 8 + IDT_ENTRY"
    pop     rcx
    TELL    "user HLT: vector %d; INT 0x80: vector %x; INT 0x81: vector %d, code %x", r14, r15, rax, rcx

    # Without a user's L4 there is no user mode; this one can be a page again.
    EXTENDED NEW_USER_BASE, 0
    EXPECT  "result of having no user's L4", rax, 0
    EXTENDED UNPIN, r13
    EXPECT  "result of unpinning the user's L4", rax, 0
    mov     rdi, r12
    call    make_writable
    EXPECT  "result of mapping what was the user's L4 writable", rax, 0
    VERDICT
    RESTORE_CALLERS
    ret

.bss
.balign 8
kernel_word: .skip 8
