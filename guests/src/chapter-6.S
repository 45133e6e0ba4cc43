# Chapter 6: large pages against 4 KiB aliases of the same memory.

.include "story.inc"

.equ BIG_PAGE,          CHAPTER_6
.equ ALIASES,           CHAPTER_6 + 0x10000000  # three 4 KiB pages: the first, middle and last of the big one
.equ FIRST,             0
.equ MIDDLE,            0x100000
.equ LAST,              0x1ff000
.equ VALUE,             0x2222000000000000
.equ GIGABYTE_FEATURE,  1 << 26                 # in extended_features

.text

.global chapter_6
chapter_6:
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    CHAPTER "Chapter 6. A big page"
    STORY   "One L2 entry with PS set maps 2 MiB that are contiguous for the guest; in the machine they are 512"
    STORY   "scattered frames. The shadow splinters: its L2 entry points at an L1 that shadows no table at all"
    STORY   "(Xen calls it fl1, fake L1), filled page by page as they are touched. A and D stay where the guest"
    STORY   "looks for them, in its one entry: the first touch of any page sets A, the first write of any D."
    COUNT_FROM_HERE

    # Through the aliases, known contents.
    .irp offset, FIRST, MIDDLE, LAST
    MAP     "ALIASES + \offset", "BIG_PAGE_FRAME + \offset", "PRESENT | WRITABLE"
    mov     rdi, ALIASES + \offset
    mov     rax, VALUE + \offset
    mov     [rdi], rax
    .endr

    # Through the big page: the first is only read, so that D stays clear; the others are read and written.
    MAP     BIG_PAGE, BIG_PAGE_FRAME, "PRESENT | WRITABLE | LARGE", L2_SHIFT
    mov     rbx, rax
    mov     r14, BIG_PAGE
    .macro READ_BIG offset:req, value:req
    mov     rax, [r14 + \offset]
    mov     rcx, VALUE + \value
    EXPECT  "\value of the big page", rax, rcx
    .endm
    .macro WRITE_BIG offset:req, value:req
    mov     rax, ~VALUE - \value
    mov     [r14 + \offset], rax
    mov     rdi, ALIASES + \value
    mov     rax, [rdi]
    EXPECT  "\value of the big page, written, through its alias", rax, "~VALUE - \value"
    .endm
    .macro OBSERVE_BIG bits:req, what:req, want:req
    FENCE
    mov     \bits, [rbx]
    and     \bits, 0xfff
    EXPECT  "\what", \bits, "PRESENT | WRITABLE | LARGE | \want"
    .endm
    READ_BIG    FIRST, FIRST
    OBSERVE_BIG r12, "the L2 entry after a read", ACCESSED
    READ_BIG    MIDDLE, MIDDLE
    WRITE_BIG   MIDDLE, MIDDLE
    OBSERVE_BIG r13, "the L2 entry after a write", "ACCESSED | DIRTY"
    READ_BIG    LAST, LAST
    WRITE_BIG   LAST, LAST
    WRITE_BIG   FIRST, FIRST

    # A 1 GiB page holds the same memory once more, at its physical address. Only the guest's RAM in it is touched.
    test    dword ptr [rip + extended_features], GIGABYTE_FEATURE
    jz      1f
    MAP     GIGABYTE_PAGE, 0, "PRESENT | WRITABLE | LARGE", L3_SHIFT
    mov     rbx, rax
    mov     r14, GIGABYTE_PAGE
    .irp offset, FIRST, MIDDLE, LAST
    mov     rax, [r14 + BIG_PAGE_FRAME + \offset]
    EXPECT  "\offset through the 1 GiB page", rax, "~VALUE - \offset"
    .endr
    OBSERVE_BIG rbp, "the L3 entry after reads", ACCESSED
    mov     rax, VALUE
    mov     [r14 + BIG_PAGE_FRAME + MIDDLE], rax
    mov     rdi, ALIASES + MIDDLE
    mov     rax, [rdi]
    EXPECT  "MIDDLE, written through the 1 GiB page, through its alias", rax, VALUE
    OBSERVE_BIG r14, "the L3 entry after a write", "ACCESSED | DIRTY"

1:  COUNT_TO_HERE
    TELL    "first, middle and last 4 KiB are as their aliases; L2 entry: read %x, write %x", r12, r13
    test    dword ptr [rip + extended_features], GIGABYTE_FEATURE
    jz      2f
    TELL    "through a 1 GiB page likewise; its L3 entry: read %x, write %x", rbp, r14
    jmp     3f
2:  TELL    "the processor has no 1 GiB pages (CPUID leaf 0x80000001, EDX bit 26)"
3:  VERDICT SPLINTERS, DIRTY_FAULTS, P2M_LOOKUPS
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret
