# Chapter 4: A and D in the guest's own entry.

.include "story.inc"

.text

.global chapter_4
chapter_4:
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    push    r15
    CHAPTER "Chapter 4. A dirty bit"
    STORY   "A processor sets A and D in the tables that it walks, but those are the shadows, and the guest looks"
    STORY   "in its own. So the hypervisor sets A when it fills a translation, and leaves a page that is not yet"
    STORY   "dirty read-only in the shadow, whatever the guest's entry allows. The first write faults; D is set"
    STORY   "in the guest's entry, and only then the shadow lets writes through, at full speed from there on."
    COUNT_FROM_HERE

    TAKE_FRAME r12
    MAP     CHAPTER_4, r12, "PRESENT | WRITABLE"
    mov     rbx, rax
    mov     r12, CHAPTER_4

    # The low bits of the entry, after whatever came before, in a register and against what they must be.
    .macro OBSERVE bits:req, what:req, want:req
    FENCE
    mov     \bits, [rbx]
    and     \bits, 0xfff
    EXPECT  "\what", \bits, "\want"
    .endm

    mov     rax, [r12]
    OBSERVE r13, "the entry after a read", "PRESENT | WRITABLE | ACCESSED"
    mov     [r12], rsp
    OBSERVE r14, "the entry after a write", "PRESENT | WRITABLE | ACCESSED | DIRTY"

    # A guest that cleans a page clears D, and must flush, or a processor may write without setting it again.
    and     qword ptr [rbx], ~DIRTY
    invlpg  [r12]
    mov     rax, [r12]
    OBSERVE r15, "the entry after D was cleared, and a read", "PRESENT | WRITABLE | ACCESSED"
    mov     [r12], rsp
    OBSERVE rbp, "the entry after the next write", "PRESENT | WRITABLE | ACCESSED | DIRTY"
    COUNT_TO_HERE

    TELL    "low bits of the entry: after a read %x, after a write %x", r13, r14
    TELL    "D cleared and INVLPG, then a read %x, a write %x  (A is 0x20, D is 0x40)", r15, rbp
    VERDICT DIRTY_FAULTS, INVLPGS
    pop     r15
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret
