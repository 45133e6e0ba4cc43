# Chapter 3: two processes that share the kernel's half.

.include "story.inc"

.equ SHARED_ADDRESS,    CHAPTER_3 + 0x123000
.equ ROUNDS,            500                     # of two CR3 loads each
.equ VALUE_A,           0xaaaa000000000000
.equ VALUE_B,           0xbbbb000000000000

.text

.global chapter_3
chapter_3:
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    push    r15
    CHAPTER "Chapter 3. Two processes, one kernel"
    STORY   "Two L4 tables with the same kernel L3 in slot 511; below, each maps a page of its own at the same"
    STORY   "linear address. A shadow is found by the frame that it shadows, so both shadow L4s share the one"
    STORY   "shadow of the kernel L3. A CR3 load flushes the TLB but changes no table: a hypervisor that sees"
    STORY   "every write to a table finds the shadows again as they were; one that does not, starts from empty."
    mov     r14, cr3                            # to come back to
    COUNT_FROM_HERE

    # Each process is made under its own CR3; the kernel's half, with this code and stack, is there in both.
    .macro PROCESS root:req, frame:req, value:req
    TAKE_FRAME \root
    mov     rax, [rip + boot_l4 + KERNEL_SLOT * 8]
    mov     [\root + KERNEL_BASE + KERNEL_SLOT * 8], rax
    mov     cr3, \root
    TAKE_FRAME \frame
    mov     rax, \value
    mov     [\frame + KERNEL_BASE], rax
    MAP     SHARED_ADDRESS, \frame, "PRESENT | WRITABLE"
    .endm
    PROCESS r12, rbx, VALUE_A
    PROCESS r13, rbp, VALUE_B

    # Each turn a process reads its page, which must hold its value plus its turns so far, and adds one.
    mov     rsi, VALUE_A
    mov     rdi, VALUE_B
    mov     rdx, SHARED_ADDRESS
    xor     r15d, r15d                          # turns that saw something else
    mov     ecx, ROUNDS
    .macro TURN root:req, expected:req
    xor     eax, eax
    mov     cr3, \root
    cmp     [rdx], \expected
    setne   al
    add     r15, rax
    inc     qword ptr [rdx]
    inc     \expected
    .endm
1:  TURN    r12, rsi
    TURN    r13, rdi
    dec     ecx
    jnz     1b
    mov     cr3, r14
    COUNT_TO_HERE

    EXPECT  "turns that saw a wrong value", r15, 0
    mov     r12, [rbx + KERNEL_BASE]
    mov     r13, [rbp + KERNEL_BASE]
    EXPECT  "what the first process left", r12, "VALUE_A + ROUNDS"
    EXPECT  "what the second process left", r13, "VALUE_B + ROUNDS"
    mov     eax, ROUNDS * 2
    TELL    "%d turns, each saw its own value; last %x and %x", rax, r12, r13
    VERDICT L1_SHADOWS, L2_SHADOWS, L3_SHADOWS, L4_SHADOWS, CR3_LOADS, ROOTS_FOUND, TLB_FLUSHES
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret
