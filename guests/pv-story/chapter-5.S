# Chapter 5: types, pins, descriptors, and a table that maps itself.

.include "story.inc"

.equ PAGE,              CHAPTER_5
.equ LINEAR,            0xffff880000000000      # slot 272
.equ LINEAR_ENTRY,      LINEAR + (CHAPTER_5 >> 12) * 8
.equ VALUE,             0x5555000000000001
.equ DATA_SEGMENT,      0x00cf93000000ffff      # flat, writable, DPL 0
.equ DATA_FOR_RING_3,   0x00cff3000000ffff
.equ INTERRUPT_GATE,    0x00008e0000000000
.equ SELECTOR,          0x13                    # of descriptor 2, with RPL 3

.text

.global chapter_5
chapter_5:
    SAVE_CALLERS
    CHAPTER "Chapter 5. A table or writable, never both"
    STORY   "The first use of a frame gives it a type: writable page, or table of a level; each further use of"
    STORY   "that kind counts; another kind has to wait until the count is zero. To become a table all its"
    STORY   "entries are looked at. Pinning a table keeps it one while nothing uses it, so that a process that"
    STORY   "is switched to need not be looked at again. An entry may name its own table, if it is read-only."

    # A frame that is mapped writable, in the window.
    TAKE_FRAME rbp
    TAKE_FRAME rbx
    ENTRY   rax, rbx, "PRESENT | WRITABLE"
    mov     [rbp + 8], rax                      # what it is to say as an L1
    MFN     r12, rbp
    EXTENDED PIN_L1, r12
    mov     r14, rax
    neg     r14
    EXPECT  "error of pinning a writable page as an L1", r14, EINVAL
    mov     rdi, rbp
    call    make_read_only
    EXPECT  "result of taking the right to write away", rax, 0
    EXTENDED PIN_L1, r12
    mov     r15, rax
    EXPECT  "result of pinning it then", r15, 0
    TELL    "pinning a page that is mapped writable: error %d; read-only: %d", r14, r15
    ENTRY   r13, rbx, "PRESENT | WRITABLE | USER | KERNELS_OWN"
    EXPECT  "the entry that was looked at", [rbp+8], r13

    EXTENDED PIN_L1, r12
    mov     r14, rax
    neg     r14
    EXPECT  "error of pinning it again", r14, EINVAL
    mov     rdi, rbp
    call    make_writable
    mov     r15, rax
    neg     r15
    EXPECT  "error of mapping the pinned table writable", r15, EBUSY
    EXTENDED CLEAR_FRAME, r12
    neg     rax
    EXPECT  "error of having the pinned table cleared", rax, EINVAL
    TELL    "pinning it again: error %d; mapping it writable: error %d; having it cleared: %d", r14, r15, rax

    # A page that it maps writable cannot become a table while it does.
    mov     rdi, rbx
    call    make_read_only
    EXPECT  "result of making its page read-only in the window", rax, 0
    MFN     r13, rbx
    EXTENDED PIN_L1, r13
    mov     r14, rax
    neg     r14
    EXPECT  "error of pinning the page that it maps", r14, EINVAL
    EXTENDED UNPIN, r12
    EXPECT  "result of unpinning", rax, 0
    EXTENDED PIN_L1, r13
    mov     r15, rax
    EXPECT  "result of pinning that page after the unpinning", r15, 0
    TELL    "pinning the page that it maps writable: error %d; after unpinning the table: %d", r14, r15
    EXTENDED UNPIN, r13
    EXPECT  "result of unpinning that page", rax, 0
    EXTENDED UNPIN, r12
    mov     r14, rax
    neg     r14
    EXPECT  "error of unpinning what is not pinned", r14, EINVAL
    mov     rdi, rbp
    call    make_writable
    EXPECT  "result of mapping what was a table writable", rax, 0

    # A bad entry: the whole table is refused, and keeps no type.
    ENTRY   rax, rbx, "PRESENT | LARGE"
    mov     [rbp + 511 * 8], rax
    mov     rdi, rbp
    call    make_read_only
    EXTENDED PIN_L1, r12
    mov     r15, rax
    neg     r15
    EXPECT  "error of pinning a table whose last entry is bad", r15, EINVAL
    mov     rdi, rbp
    call    make_writable
    EXPECT  "result of mapping the refused table writable", rax, 0
    mov     rdi, rbx
    call    make_writable
    EXPECT  "result of mapping its page writable", rax, 0
    TELL    "unpinning it twice: error %d; pinning it with a bad last entry: error %d", r14, r15

    # Frames cleared and copied by the hypervisor, which are pages again.
    mov     rax, VALUE
    mov     [rbx + 0xff8], rax
    EXTENDED COPY_FRAME, r12, r13
    EXPECT  "result of copying a frame", rax, 0
    mov     rax, VALUE
    EXPECT  "the last word of the copy", [rbp+0xff8], rax
    EXTENDED CLEAR_FRAME, r12
    EXPECT  "result of clearing a frame", rax, 0
    EXPECT  "the last word after clearing", [rbp+0xff8], 0

    # Descriptors are a type of their own.
    mov     rax, DATA_SEGMENT
    mov     [rbp + 16], rax
    mov     [rip + gdt_frame], r12
    lea     rdi, [rip + gdt_frame]
    mov     esi, 512
    HYPERCALL SET_GDT
    mov     r14, rax
    neg     r14
    EXPECT  "error of a GDT that is mapped writable", r14, EINVAL
    mov     rdi, rbp
    call    make_read_only
    lea     rdi, [rip + gdt_frame]
    mov     esi, 512
    HYPERCALL SET_GDT
    mov     r15, rax
    EXPECT  "result of a GDT that is read-only", r15, 0
    mov     rax, DATA_FOR_RING_3
    EXPECT  "its descriptor", [rbp+16], rax
    mov     eax, SELECTOR
    mov     es, eax
    mov     ecx, es
    EXPECT  "ES after it was loaded from there", rcx, SELECTOR
    xor     eax, eax
    mov     es, eax
    TELL    "a GDT in a writable page: error %d; read-only: %d, and its DPL 0 has become 3", r14, r15
    mov     rdi, rbp
    call    make_writable
    mov     r14, rax
    neg     r14
    EXPECT  "error of mapping the GDT writable", r14, EBUSY
    mov     rdi, rbp
    call    machine_address
    lea     rdi, [rax + 16]
    mov     rsi, INTERRUPT_GATE
    HYPERCALL UPDATE_DESCRIPTOR
    mov     r15, rax
    neg     r15
    EXPECT  "error of an interrupt gate as a descriptor", r15, EINVAL
    mov     rax, DATA_FOR_RING_3
    EXPECT  "the descriptor after that", [rbp+16], rax
    TELL    "mapping the GDT writable: error %d; a gate in it: error %d", r14, r15
    xor     edi, edi
    xor     esi, esi
    HYPERCALL SET_GDT
    EXPECT  "result of having no GDT", rax, 0
    mov     rdi, rbp
    call    make_writable
    EXPECT  "result of mapping what was the GDT writable", rax, 0

    # Slot 272 names the L4.
    MAP     PAGE, rbx, PRESENT
    mov     r12, rcx                            # its entry in the window
    mov     rbp, [rip + kernel_l4]
    add     rbp, LINEAR_SLOT * 8
    ENTRY   rsi, "[rip + kernel_l4]", "PRESENT | WRITABLE"
    mov     rdi, rbp
    call    set_entry
    mov     r14, rax
    neg     r14
    EXPECT  "error of a writable entry for its own table", r14, EINVAL
    ENTRY   rsi, "[rip + kernel_l4]", PRESENT
    mov     rdi, rbp
    call    set_entry
    mov     r15, rax
    EXPECT  "result of a read-only entry for its own table", r15, 0
    TELL    "slot 272 of the L4 for the L4 itself, writable: error %d; read-only: %d", r14, r15
    mov     rax, PAGE
    mov     rax, [rax]                          # the entry's A, before it is read in two places
    FENCE
    mov     rcx, LINEAR_ENTRY
    mov     r13, [rcx]
    EXPECT  "the entry in its computed place", r13, [r12]
    mov     rdi, LINEAR_ENTRY
    xor     esi, esi
    call    probe_write
    mov     r14, rax
    EXPECT  "error code of a store there that is no L1's", rax, "FAULT_PRESENT | FAULT_WRITE"
    EXPECT  "the entry after that store", [r12], r13
    and     r13d, 0xfff
    TELL    "all entries lie in computed places now; one says %x there; a store: code %x", r13, r14
    mov     rdi, rbp
    xor     esi, esi
    call    set_entry
    EXPECT  "result of taking slot 272 back", rax, 0
    VERDICT
    RESTORE_CALLERS
    ret

.bss
.balign 8
gdt_frame:  .skip 8
