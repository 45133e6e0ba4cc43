# Chapter 2: reading tables, changing an entry by request, and what the audit makes of it.

.include "story.inc"

.equ KERNELS,           CHAPTER_2
.equ EVERYBODYS,        CHAPTER_2 + 0x1000
.equ AS_ASKED,          0xfff                   # the entry's low bits
.equ VALUE,             0x2222000000000001

.text

.global chapter_2
chapter_2:
    SAVE_CALLERS
    CHAPTER "Chapter 2. Look, but ask"
    STORY   "A pagetable may be mapped, and read, but not written. A new entry is a request: where it goes, by"
    STORY   "the machine's address, and its value. What is accepted is not stored as it came. Kernel and user"
    STORY   "both run at CPL 3, so every entry gets US; a page that was the kernel's only is marked by bit 52;"
    STORY   "and others get G, for a user's page can stay in the TLB while the guest enters its kernel."

    # The tables themselves.
    mov     rdi, [rip + kernel_l4]
    mov     esi, 1
    call    find_entry
    mov     rbx, [rax]
    and     ebx, PRESENT | WRITABLE
    EXPECT  "P and RW of the entry that maps the L4", rbx, PRESENT
    mov     r14, rbx
    mov     rbx, [rip + kernel_l4]
    mov     r12, [rbx + 511 * 8]                # the slot of the window
    mov     rdi, rbx
    add     rdi, 511 * 8
    xor     esi, esi
    call    probe_write
    EXPECT  "error code of a store to the L4", rax, "FAULT_PRESENT | FAULT_WRITE"
    mov     r13, rax
    EXPECT  "the L4's entry after that store", [rbx+511*8], r12
    TELL    "P and RW of its L4's own mapping: %x; the L4 can be read; a store to it: code %x", r14, r13

    # Two pages, one of the kernel's and one of everybody's.
    TAKE_FRAME rbp
    MAP     KERNELS, rbp, "PRESENT | WRITABLE"
    EXPECT  "result of mapping a kernel's page", rax, 0
    mov     r12, rcx                            # its entry
    mov     rbx, [r12]
    ENTRY   r13, rbp, "PRESENT | WRITABLE | USER | KERNELS_OWN"
    EXPECT  "the entry of a kernel's page", rbx, r13
    MAP     EVERYBODYS, rbp, "PRESENT | WRITABLE | USER"
    EXPECT  "result of mapping a user's page", rax, 0
    mov     rbx, [rcx]
    ENTRY   r13, rbp, "PRESENT | WRITABLE | USER | GLOBAL"
    EXPECT  "the entry of a user's page", rbx, r13
    and     ebx, AS_ASKED
    mov     r13, [r12]
    mov     r14, r13
    and     r13d, AS_ASKED
    shr     r14, 52
    TELL    "asked for 0x3 (P, RW): the entry says %x, and %x in bits 63..52", r13, r14
    TELL    "asked for 0x7 (P, RW, US): the entry says %x  (G is 0x100)", rbx

    # The tables above them, whose entries were asked for without US.
    mov     rdi, KERNELS
    mov     esi, 2
    call    find_entry
    mov     rbx, [rax]
    and     ebx, AS_ASKED & ~DIRTY
    EXPECT  "the L2 entry", rbx, "PRESENT | WRITABLE | USER | ACCESSED"
    mov     rdi, KERNELS
    mov     esi, 4
    call    find_entry
    mov     r13, [rax]
    and     r13d, AS_ASKED & ~DIRTY
    EXPECT  "the L4 entry", r13, "PRESENT | WRITABLE | USER | ACCESSED"
    TELL    "the entries above were asked for without US: in the L2 %x, in the L4 %x", rbx, r13

    # A and D are the processor's.
    mov     rdi, KERNELS
    mov     rax, [rdi]
    FENCE
    mov     rbx, [r12]
    and     ebx, AS_ASKED
    EXPECT  "the entry after a read", rbx, "PRESENT | WRITABLE | USER | ACCESSED"
    mov     rdi, KERNELS
    mov     rax, VALUE
    mov     [rdi], rax
    FENCE
    mov     r13, [r12]
    and     r13d, AS_ASKED
    EXPECT  "the entry after a write", r13, "PRESENT | WRITABLE | USER | ACCESSED | DIRTY"
    mov     rcx, EVERYBODYS
    mov     rax, VALUE
    EXPECT  "the other page, which has the same frame", [rcx], rax
    TELL    "after a read the kernel's entry says %x, after a write %x  (A is 0x20, D is 0x40)", rbx, r13

    # A request can keep A and D, which the processor may have set since the entry was read.
    mov     rdi, r12
    call    machine_address
    lea     r14, [rax + PRESERVE_AD]
    ENTRY   rsi, rbp, PRESENT
    mov     rdi, r14
    call    update
    EXPECT  "result of a request that keeps A and D", rax, 0
    mov     rbx, [r12]
    and     ebx, AS_ASKED
    EXPECT  "the entry after it", rbx, "PRESENT | USER | ACCESSED | DIRTY"
    ENTRY   rsi, rbp, PRESENT
    mov     rdi, r12
    call    set_entry
    mov     r13, [r12]
    and     r13d, AS_ASKED
    EXPECT  "the entry after a plain request", r13, "PRESENT | USER"
    TELL    "asked for 0x1, keeping A and D: %x; asked for 0x1: %x", rbx, r13

    mov     rdi, KERNELS
    call    invalidate_page
    mov     rdi, KERNELS
    xor     esi, esi
    call    probe_write
    mov     r13, rax
    EXPECT  "error code of a write after RW was taken away", rax, "FAULT_PRESENT | FAULT_WRITE"
    TELL    "RW is gone, and the TLB was told; a write: code %x, without the user's bit", r13
    VERDICT
    RESTORE_CALLERS
    ret
