# Chapter 7: an edit of an entry, and what may be seen of it before and after INVLPG.

.include "story.inc"

.equ EDITED,    CHAPTER_7
.equ APPEARING, CHAPTER_7 + 0x1000
.equ OLD,       0x7777000000000001
.equ NEW,       0x7777000000000002

.text

.global chapter_7
chapter_7:
    push    rbx
    push    r12
    push    r13
    push    r14
    push    r15
    CHAPTER "Chapter 7. A table edited, with and without INVLPG"
    STORY   "A table is memory, edited by plain stores. Either the hypervisor keeps its frame read-only, so that"
    STORY   "the store faults and is emulated, table and shadow changing together; or it lets the table go out of"
    STORY   "sync, writable, and mends the shadow at the next flush. A TLB leaves both open: until INVLPG a load"
    STORY   "may see the old frame or the new. From not present to present no flush is needed, with either."
    COUNT_FROM_HERE

    TAKE_FRAME r12
    TAKE_FRAME r13
    mov     rax, OLD
    mov     [r12 + KERNEL_BASE], rax
    inc     rax
    mov     [r13 + KERNEL_BASE], rax
    MAP     EDITED, r12, "PRESENT | WRITABLE"
    mov     rbx, rax
    mov     r15, EDITED
    mov     rax, [r15]
    EXPECT  "the page before the edit", rax, OLD

    lea     rax, [r13 + PRESENT + WRITABLE]
    mov     [rbx], rax
    mov     r14, [r15]                          # before INVLPG
    xor     eax, eax
    mov     rcx, OLD
    cmp     r14, rcx
    sete    al
    inc     rcx
    cmp     r14, rcx
    sete    cl
    or      al, cl
    EXPECT  "1 if the page before INVLPG was the old frame or the new", rax, 1
    invlpg  [r15]
    mov     rax, [r15]
    EXPECT  "the page after INVLPG", rax, NEW
    not     qword ptr [r15]
    mov     rax, [r13 + KERNEL_BASE]
    EXPECT  "the new frame after a write to the page", rax, "~NEW"
    mov     rax, [r12 + KERNEL_BASE]
    EXPECT  "the old frame after that write", rax, OLD

    # Present to not present: INVLPG, then it must fault. Back to present: it must not, without any flush.
    mov     qword ptr [rbx], 0
    invlpg  [r15]
    mov     rdi, r15
    call    probe_read
    EXPECT  "error code of a read of the page unmapped", rax, 0
    lea     rax, [r12 + PRESENT + WRITABLE]
    mov     [rbx], rax
    mov     rax, [r15]
    EXPECT  "the page mapped again without a flush", rax, OLD

    # An entry that was never present, faulted on first.
    mov     rdi, APPEARING
    call    probe_write
    EXPECT  "error code of a write to a page never mapped", rax, FAULT_WRITE
    MAP     APPEARING, r12, PRESENT
    mov     rdi, APPEARING
    mov     rax, [rdi]
    EXPECT  "the page mapped for the first time without a flush", rax, OLD
    COUNT_TO_HERE

    TEXT    rax, "the old one"
    mov     rcx, OLD
    cmp     r14, rcx
    je      1f
    TEXT    rax, "the new one"
1:  TELL    "another frame in the entry: before INVLPG a load saw %s, then the new", rax
    TELL    "unmapped and INVLPG: faults; mapped again without any flush: the right frame at once"
    VERDICT INVLPGS, WRITE_PROTECTED, UNSHADOWED
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     rbx
    ret
