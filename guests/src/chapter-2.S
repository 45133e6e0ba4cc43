# Chapter 2: PUSH [m], three translations for one instruction.

.include "story.inc"

.equ CODE,      CHAPTER_2                       # 2 MiB apart: each under an L1 of its own
.equ SOURCE,    CHAPTER_2 + 0x200000
.equ STACK,     CHAPTER_2 + 0x400000
.equ VALUE,     0x5eedf00dcafe0002

.text

.global chapter_2
chapter_2:
    push    rbx
    push    r12
    push    r13
    push    r14
    CHAPTER "Chapter 2. PUSH [m]: three translations for one instruction"
    STORY   "PUSH [m] is fetched from one page, reads its operand from a second and writes its stack on a third."
    STORY   "The guest has mapped all three; no shadow has. Each gap is a fault (more than one, if a fault fills"
    STORY   "one level only). After each the instruction begins again, and nothing of it shows until all three"
    STORY   "translations are there: RSP moves once. To the guest this is one PUSH, and no fault at all."
    COUNT_FROM_HERE

    TAKE_FRAME rbx                              # the source page
    mov     rax, VALUE
    mov     [rbx + KERNEL_BASE + 0x18], rax
    MAP     CODE, "OFFSET push_page - KERNEL_BASE", PRESENT
    mov     r12, rax
    MAP     SOURCE, rbx, PRESENT
    mov     r13, rax
    TAKE_FRAME rbx                              # the stack page
    MAP     STACK, rbx, "PRESENT | WRITABLE"
    mov     r14, rax

    mov     rax, CODE
    mov     rdx, SOURCE + 0x18
    mov     r8, rsp
    mov     rsp, STACK + 0x1000
    lea     rcx, [rip + 1f]
    jmp     rax                                 # to push_page, which comes back through RCX
1:  mov     r9, rsp
    mov     rsp, r8
    FENCE

    EXPECT  "RSP after the PUSH", r9, "STACK + 0x1000 - 8"
    mov     rax, [rbx + KERNEL_BASE + 0x1000 - 8]
    EXPECT  "what was pushed", rax, VALUE
    .macro EXPECT_USED what:req, entry:req, bits:req
    mov     rax, [\entry]
    and     eax, ACCESSED | DIRTY
    EXPECT  "\what", rax, "\bits"
    .endm
    EXPECT_USED "A and D of the code's L1 entry", r12, ACCESSED
    EXPECT_USED "A and D of the source's L1 entry", r13, ACCESSED
    EXPECT_USED "A and D of the stack's L1 entry", r14, "ACCESSED | DIRTY"
    COUNT_TO_HERE

    mov     rax, [rbx + KERNEL_BASE + 0x1000 - 8]
    TELL    "pushed %x; A is set for all three pages, D for the stack alone", rax
    VERDICT L1_SHADOWS, L2_SHADOWS, L3_SHADOWS
    pop     r14
    pop     r13
    pop     r12
    pop     rbx
    ret

# A page of its own in the image, so that it can be mapped elsewhere alone.
.section .user, "ax", @progbits
.balign 0x1000, 0xcc
push_page:
    push    qword ptr [rdx]
    jmp     rcx
