# Chapter 8: much memory written and read while tables change. What it finds must not depend on whether the hypervisor
# logs which pages are written to, or begins and ends to do so meanwhile.

.include "story.inc"

.equ MOST_PAGES,        2048                    # that are swept: 4 L1 tables
.equ PASSES,            8
.equ WORDS,             32                      # of a page: one in each 128 bytes
.equ CLEANED,           64                      # pages whose D is cleared in a pass
.equ MIXER,             0x9e3779b97f4a7c15
.equ MULTICALL_ENTRY,   64

.text

.global chapter_8
chapter_8:
    SAVE_CALLERS
    CHAPTER "Chapter 8. Is somebody taking notes?"
    STORY   "To move a guest to another machine, the hypervisor has to know which pages it still writes to. The"
    STORY   "guest's own tables do not tell: so shadows of them are walked from then on, with all pages read-only"
    STORY   "until they are written to, and given up when it is over. A guest must not be able to find out. This"
    STORY   "one writes all over its memory, exchanges pages, cleans dirty bits, and finds all as it must be."

    call    map_pages
    TELL    "mapped %d pages, by stores that are caught", [rip+pages]

    xor     r12d, r12d                          # the pass
    xor     r13d, r13d                          # words that were not as written
    xor     r14d, r14d                          # D bits that were not as they must be
    xor     r15d, r15d                          # writes to protected pages that did not fault
1:  call    write_pages
    call    exchange_pages
    call    clean_pages
    call    protect_pages
    call    read_pages
    inc     r12d
    cmp     r12d, PASSES
    jb      1b

    EXPECT  "words that were not as written", r13, 0
    EXPECT  "dirty bits that were not as they must be", r14, 0
    EXPECT  "protected pages that let a write pass", r15, 0
    EXPECT  "refused requests", [rip+refusals], 0
    mov     rax, [rip + pages]
    imul    rax, rax, WORDS * PASSES
    TELL    "%d passes, %d words written; %d read otherwise than written", r12, rax, r13
    mov     rax, [rip + pages]
    shr     rax, 1
    imul    rax, rax, PASSES
    TELL    "%d pairs of pages exchanged by multicalls, %d requests refused", rax, [rip+refusals]
    mov     ebx, CLEANED * PASSES
    TELL    "%d pages cleaned and written again; D bits that were wrong: %d", rbx, r14
    TELL    "%d pages protected; writes that did not fault: %d", rbx, r15
    VERDICT
    RESTORE_CALLERS
    ret

# Counts as refused what RAX says, if it is not 0.
.macro COUNT_REFUSAL
    cmp     rax, 1
    sbb     rcx, rcx
    inc     rcx
    add     [rip + refusals], rcx
.endm

# Maps pages that are free, from the first frame on that is not in the window, at CHAPTER_8, by stores that are caught.
map_pages:
    push    rbx
    push    rbp
    push    r12
    mov     rbx, KERNEL_BASE
1:  mov     rdi, rbx
    mov     esi, 1
    call    find_entry
    test    rax, rax
    jz      2f
    test    byte ptr [rax], PRESENT
    jz      2f
    add     rbx, 0x1000
    jnz     1b
2:  mov     rax, KERNEL_BASE
    sub     rbx, rax
    shr     rbx, 12                             # the first pfn
    mov     rax, [rip + start_info]
    mov     rax, [rax + START_PAGES]
    sub     rax, rbx
    mov     ecx, MOST_PAGES
    cmp     rax, rcx
    cmova   rax, rcx
    and     rax, -2
    jz      5f
    mov     [rip + pages], rax
    xor     ebp, ebp
3:  cmp     rbp, [rip + pages]
    jae     4f
    mov     rdi, rbp
    shl     rdi, 12
    mov     rax, CHAPTER_8
    add     rdi, rax
    call    entry_at
    mov     rcx, [rip + machine_frames]
    lea     rdx, [rbx + rbp]
    mov     rcx, [rcx + rdx * 8]
    shl     rcx, 12
    or      rcx, PRESENT | WRITABLE
    mov     [rax], rcx
    inc     rbp
    jmp     3b
4:  pop     r12
    pop     rbp
    pop     rbx
    ret
5:  TEXT    rdi, "There is no memory beside the window: 5 MiB are needed. The story ends here."
    call    print_text
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# The word that belongs to page RBX, word RBP in the pass R12, in RAX.
word_for:
    mov     rax, rbx
    shl     rax, 32
    lea     rax, [rax + rbp * 8]
    shl     rax, 8
    add     rax, r12
    mov     rcx, MIXER
    imul    rax, rcx
    ret

write_pages:
    mov     rdi, CHAPTER_8
    xor     ebx, ebx
1:  xor     ebp, ebp
2:  call    word_for
    mov     [rdi], rax
    add     rdi, 4096 / WORDS
    inc     ebp
    cmp     ebp, WORDS
    jb      2b
    inc     ebx
    cmp     rbx, [rip + pages]
    jb      1b
    ret

# The pages were exchanged in pairs since they were written: page N is now where N xor 1 was. The next pass writes them
# where they are.
read_pages:
    mov     rdi, CHAPTER_8
    xor     ebx, ebx
1:  xor     ebp, ebp
    xor     ebx, 1
2:  call    word_for
    xor     ecx, ecx
    cmp     [rdi], rax
    setne   cl
    add     r13, rcx
    add     rdi, 4096 / WORDS
    inc     ebp
    cmp     ebp, WORDS
    jb      2b
    xor     ebx, 1
    inc     ebx
    cmp     rbx, [rip + pages]
    jb      1b
    ret

# Exchanges the frames of each two neighbours: two calls of UPDATE_VA_MAPPING in one of MULTICALL.
exchange_pages:
    xor     ebx, ebx
1:  mov     rdi, rbx
    shl     rdi, 12
    mov     rax, CHAPTER_8
    add     rdi, rax
    mov     rbp, rdi
    call    entry_at
    lea     rdi, [rip + calls]
    mov     rcx, [rax + 8]
    mov     rdx, [rax]
    mov     [rdi + 24], rcx
    mov     [rdi + MULTICALL_ENTRY + 24], rdx
    .set    place, 0
    .rept 2
    mov     qword ptr [rdi + place], UPDATE_VA_MAPPING
    mov     qword ptr [rdi + place + 8], -1
    mov     [rdi + place + 16], rbp
    mov     qword ptr [rdi + place + 32], INVALIDATE
    add     rbp, 0x1000
    .set    place, place + MULTICALL_ENTRY
    .endr
    mov     esi, 2
    HYPERCALL MULTICALL
    COUNT_REFUSAL
    mov     rax, [rip + calls + 8]
    COUNT_REFUSAL
    mov     rax, [rip + calls + MULTICALL_ENTRY + 8]
    COUNT_REFUSAL
    add     ebx, 2
    cmp     rbx, [rip + pages]
    jb      1b
    ret

# Clears D of some pages, other ones in each pass, and sees it come back with a write, not with a read.
clean_pages:
    xor     ebx, ebx
1:  call    some_page
    mov     rbp, rax
    mov     rdi, rax
    call    entry_at
    mov     rdi, rax
    mov     rsi, [rax]
    and     rsi, ~DIRTY
    push    rdi
    call    set_entry
    COUNT_REFUSAL
    mov     rdi, rbp
    call    invalidate_page
    pop     rdi
    mov     rax, [rbp + 8]
    FENCE
    mov     rcx, [rdi]
    shr     ecx, 6
    and     ecx, 1
    add     r14, rcx
    mov     [rbp + 8], rax                      # no word of the sweep's
    FENCE
    mov     rcx, [rdi]
    shr     ecx, 6
    not     ecx
    and     ecx, 1
    add     r14, rcx
    inc     ebx
    cmp     ebx, CLEANED
    jb      1b
    ret

# Takes RW away from some pages by a store of one byte, and gives it back by a request.
protect_pages:
    xor     ebx, ebx
1:  call    some_page
    mov     rbp, rax
    mov     rdi, rax
    call    entry_at
    push    rax
    and     byte ptr [rax], ~WRITABLE
    mov     rdi, rbp
    call    invalidate_page
    mov     rdi, rbp
    xor     esi, esi
    call    probe_write
    xor     rax, FAULT_PRESENT | FAULT_WRITE
    cmp     rax, 1
    sbb     rcx, rcx
    inc     rcx
    add     r15, rcx
    mov     rdi, [rsp]
    mov     rsi, [rdi]
    or      rsi, WRITABLE
    call    set_entry
    COUNT_REFUSAL
    pop     rax
    inc     ebx
    cmp     ebx, CLEANED
    jb      1b
    ret

# The address of page number RBX times a step, and somewhere else in each pass R12, in RAX.
some_page:
    mov     rax, [rip + pages]
    shr     rax, 6
    imul    rax, rbx
    add     rax, r12
    xor     edx, edx
    div     qword ptr [rip + pages]
    mov     rax, rdx
    shl     rax, 12
    mov     rcx, CHAPTER_8
    add     rax, rcx
    ret

.bss
.balign 8
pages:      .skip 8
refusals:   .skip 8
calls:      .skip 2 * MULTICALL_ENTRY
