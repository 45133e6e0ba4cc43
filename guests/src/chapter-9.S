# Chapter 9: the recursive entry.

.include "story.inc"

# With slot 256 pointing at the L4, the four levels of the entry of a linear address lie at SELF plus eight times the
# address's page number; and the L4 itself lies where all four indices are 256.
.equ SELF,      0xffff800000000000
.equ SELF_L4,   0xffff804020100000
.equ PAGE,      CHAPTER_9
.equ ENTRY,     SELF + (CHAPTER_9 >> 12) * 8
.equ OLD,       0x9999000000000001
.equ NEW,       0x9999000000000002

.text

.global chapter_9
chapter_9:
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    CHAPTER "Chapter 9. A table that maps itself"
    STORY   "L4 slot 256 now points at the L4. A walk through it goes round once more and ends one level early,"
    STORY   "so that every entry lies at a linear address that can be computed. The L4's frame is then an L4, an"
    STORY   "L3, an L2 and an L1 at once, and the hypervisor keeps a shadow of it for each. It must not let a"
    STORY   "store through the self-map pass it by: that store edits a table like any other."
    COUNT_FROM_HERE

    mov     rax, cr3
    or      rax, PRESENT | WRITABLE
    mov     [rip + boot_l4 + SELF_SLOT * 8], rax
    TAKE_FRAME r12
    TAKE_FRAME r13
    mov     rax, OLD
    mov     [r12 + KERNEL_BASE], rax
    inc     rax
    mov     [r13 + KERNEL_BASE], rax
    MAP     PAGE, r12, "PRESENT | WRITABLE"
    mov     rbx, rax                            # the entry, through the kernel window
    mov     r14, ENTRY                          # the same, through the self-map
    mov     rbp, PAGE
    mov     rax, [rbp]
    EXPECT  "the page before the edit", rax, OLD
    FENCE
    mov     rax, [r14]
    mov     rcx, [rbx]
    EXPECT  "the entry through the self-map", rax, rcx

    lea     rax, [r13 + PRESENT + WRITABLE]
    mov     [r14], rax
    invlpg  [rbp]
    mov     rax, [rbp]
    EXPECT  "the page after an edit through the self-map", rax, NEW
    FENCE
    mov     rax, [rbx]
    lea     rcx, [r13 + PRESENT + WRITABLE + ACCESSED]
    EXPECT  "the entry after it, through the kernel window", rax, rcx

    # Round four times: the L4 as data, and the slot that takes itself away.
    mov     r14, SELF_L4
    mov     rax, [r14 + KERNEL_SLOT * 8]
    mov     rcx, [rip + boot_l4 + KERNEL_SLOT * 8]
    EXPECT  "the kernel's L4 entry through the self-map", rax, rcx
    mov     qword ptr [r14 + SELF_SLOT * 8], 0
    mov     rax, cr3
    mov     cr3, rax
    mov     rdi, r14
    call    probe_read
    EXPECT  "error code of a read through the self-map when it is gone", rax, 0
    mov     rax, [rbp]
    EXPECT  "the page when the self-map is gone", rax, NEW
    COUNT_TO_HERE

    mov     rax, ENTRY
    TELL    "the entry of %x, edited at %x: INVLPG, another frame", rbp, rax
    TELL    "slot 256 cleared through itself: after the flush the self-map faults"
    VERDICT L1_SHADOWS, L2_SHADOWS, L3_SHADOWS, WRITE_PROTECTED
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret
