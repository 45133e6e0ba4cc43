# Chapter 8: 512 pages unmapped by clearing their L1 with one string instruction.

.include "story.inc"

.equ PAGES,     512
.equ SAMPLES,   8
.equ VALUE,     0x8888000000000000

.text

.global chapter_8
chapter_8:
    push    rbx
    push    rbp
    push    r12
    push    r13
    push    r14
    CHAPTER "Chapter 8. Five hundred pages unmapped at a stroke"
    STORY   "REP STOSQ over a whole L1 is how a kernel tears down a process, or clears a frame that was a table"
    STORY   "and is going to be data. Were the L1 kept read-only, each of the 512 stores would fault and be"
    STORY   "emulated. So the hypervisor may take one for the sign that the frame is a table no more, and"
    STORY   "unshadow it: the frame's shadows go, it is plain memory, and the rest runs at full speed. A later"
    STORY   "walk that comes through the frame makes it a table again."
    COUNT_FROM_HERE

    mov     rdi, CHAPTER_8
    mov     esi, L1_SHIFT
    call    entry_at
    mov     r12, rax                            # the L1: CHAPTER_8 begins at its first entry
    mov     rbp, CHAPTER_8

    call    map_all
    xor     ebx, ebx                            # each page gets a value of its own
1:  mov     rax, rbx
    shl     rax, 12
    mov     rcx, VALUE
    add     rcx, rbx
    mov     [rbp + rax], rcx
    inc     ebx
    cmp     ebx, PAGES
    jb      1b

    mov     rdi, r12
    xor     eax, eax
    mov     ecx, PAGES
    rep stosq
    mov     rax, cr3
    mov     cr3, rax

    # A sample: reads and writes in turn.
    xor     ebx, ebx
    xor     r13d, r13d                          # those that faulted as they must
2:  lea     rax, [rip + sample]
    movzx   eax, word ptr [rax + rbx * 2]
    shl     rax, 12
    lea     rdi, [rbp + rax]
    mov     r14, rdi
    test    ebx, 1
    jnz     3f
    call    probe_read
    jmp     4f
3:  call    probe_write
    xor     eax, FAULT_WRITE
4:  xor     ecx, ecx
    test    rax, rax                            # what is left of the code: nothing
    sete    cl
    xor     edx, edx
    cmp     r14, [rip + fault_address]
    sete    dl
    and     ecx, edx
    add     r13, rcx
    inc     ebx
    cmp     ebx, SAMPLES
    jb      2b
    EXPECT  "pages of the sample that faulted with the right code and CR2", r13, SAMPLES

    # All back, without a flush: the entries were not present.
    call    map_all
    xor     ebx, ebx
    xor     r14d, r14d                          # pages that hold something else
5:  mov     rax, rbx
    shl     rax, 12
    mov     rcx, VALUE
    add     rcx, rbx
    xor     edx, edx
    cmp     [rbp + rax], rcx
    setne   dl
    add     r14, rdx
    inc     ebx
    cmp     ebx, PAGES
    jb      5b
    EXPECT  "pages with other contents than before the unmapping", r14, 0
    COUNT_TO_HERE

    mov     eax, SAMPLES
    TELL    "mapped 512 pages, wrote each; L1 cleared, CR3 loaded: %d of %d sampled accesses fault", r13, rax
    TELL    "mapped again: all 512 as they were"
    VERDICT UNSHADOWED, WRITE_PROTECTED, L1_SHADOWS, SHADOWS_DESTROYED
    pop     r14
    pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret

# Writes the 512 entries of the L1 at R12.
map_all:
    mov     eax, BULK_FRAMES + PRESENT + WRITABLE
    xor     ecx, ecx
1:  mov     [r12 + rcx * 8], rax
    add     rax, 0x1000
    inc     ecx
    cmp     ecx, PAGES
    jb      1b
    ret

.section .rodata
.balign 2
sample: .word   0, 1, 2, 63, 255, 256, 510, 511
    .if     (. - sample) / 2 - SAMPLES
    .error  "the sample must have SAMPLES pages"
    .endif
