# Pagetables of odd shapes, and odd ways to write them.

.include "trials.inc"

# Frames of the trial; each is also its own linear address.
.equ L3A,               FREE
.equ L2A,               FREE + 0x1000
.equ L1A,               FREE + 0x2000
.equ L1B,               FREE + 0x3000
.equ DATA,              FREE + 0x8000
.equ OTHER,             FREE + 0x9000
.equ BIG,               0x800000                # 2 MiB
.equ WINDOW,            SLOT                    # L4 entry 1 → L3A → L2A → L1A

.text
.global play
play:
    SCENARIO 'a', shared_l3
    SCENARIO 'b', recursive_l4
    SCENARIO 'c', table_that_maps_itself
    SCENARIO 'd', one_frame_at_two_levels
    SCENARIO 'e', tables_inside_large_pages
    SCENARIO 'f', reserved_bits
    SCENARIO 'g', write_protection
    SCENARIO 'h', accessed_and_dirty
    SCENARIO 'i', writes_of_every_width
    SCENARIO 'j', stack_in_a_table
    SCENARIO 'k', descriptors_in_a_table
    SCENARIO 'l', code_in_a_table
    SCENARIO 'm', demand_paging
    SCENARIO 'n', user_and_supervisor
    SCENARIO 'o', no_execute
    SCENARIO 'p', table_outside_memory
    FATAL   'y', root_outside_memory
    FATAL   'z', stack_lost
    ret

# L4 entry 1 leads to L1A; L1A maps DATA and OTHER first.
chain:
    mov     edi, FREE
    mov     ecx, 0x10000 / 8
    xor     eax, eax
    rep stosq
    ENTRY   l4, 1, L3A + RWU
    ENTRY   L3A, 0, L2A + RWU
    ENTRY   L2A, 0, L1A + RWU
    ENTRY   L1A, 0, DATA + RWU
    ENTRY   L1A, 1, OTHER + RWU
    mov     qword ptr [DATA], 0x11
    mov     qword ptr [OTHER], 0x22
    FLUSH
    mov     rbx, WINDOW
    ret

unchain:
    mov     qword ptr [l4 + 8], 0
    mov     qword ptr [l4 + 16], 0
    mov     qword ptr [l4 + 24], 0
    FLUSH
    ret

shared_l3:
    call    chain
    ENTRY   l4, 2, L3A + RW
    ENTRY   l4, 3, L3A + PRESENT
    mov     rcx, 2 * SLOT
    mov     rdx, 3 * SLOT
    mov     rax, [rbx]
    VALUE   "first"
    mov     rcx, 2 * SLOT
    mov     qword ptr [rcx], 0x33
    mov     rdx, 3 * SLOT
    mov     rax, [rdx]
    VALUE   "third"
    mov     rdx, 3 * SLOT
    TRY     "write through the read-only slot", mov qword ptr [rdx], 1
    ENTRY   L1A, 0, OTHER + RW
    mov     rcx, 2 * SLOT
    invlpg  [rbx]
    invlpg  [rcx]
    mov     rax, [rcx]
    VALUE   "moved"
    mov     qword ptr [L3A], 0
    FLUSH
    mov     rcx, 2 * SLOT
    TRY     "read after the L3 entry went", mov rax, [rcx]
    TRY     "and through the first slot", mov rax, [rbx]
    jmp     unchain

# L4 entry 510 is the L4 itself: all tables appear at SELF.
.equ SELF,              0xffffff0000000000
recursive_l4:
    call    chain
    mov     rax, OFFSET l4 + RW
    mov     [l4 + 510 * 8], rax
    mov     rsi, SELF | (SLOT >> 9)             # the L1 entries of slot 1
    mov     rax, [rsi]
    and     rax, -0x61
    VALUE   "L1 entry"
    mov     rsi, SELF | (SLOT >> 9)
    mov     rax, OTHER + RW
    mov     [rsi], rax
    invlpg  [rbx]
    mov     rax, [rbx]
    VALUE   "after the L1 was changed through itself"
    mov     rsi, 0xffffff7fbfdfe000             # the L4, seen through itself four times
    mov     rax, [rsi + 8]
    and     rax, -0x21
    VALUE   "L4 entry"
    mov     rsi, 0xffffff7fbfdfe000
    mov     qword ptr [rsi + 8], 0
    FLUSH
    TRY     "read below the entry that went", mov rax, [rbx]
    mov     rsi, 0xffffff7fbfdfe000
    mov     rax, L3A + RW
    mov     [rsi + 8], rax
    mov     rax, [rbx]
    VALUE   "and back"
    mov     rsi, 0xffffff7fbfdfe000
    mov     rax, OFFSET l4 + PRESENT
    mov     [rsi + 510 * 8], rax                # now it may not write itself any more
    FLUSH
    mov     rsi, 0xffffff7fbfdfe000
    TRY     "write through the read-only loop", mov qword ptr [rsi + 8], 0
    mov     qword ptr [l4 + 510 * 8], 0
    FLUSH
    TRY     "the loop is gone", mov rax, [rsi]
    jmp     unchain

table_that_maps_itself:
    call    chain
    ENTRY   L1A, 2, L1A + RW
    lea     rsi, [rbx + 0x2000]
    mov     rax, OTHER + RW
    mov     [rsi], rax                          # entry 0, through entry 2
    invlpg  [rbx]
    mov     rax, [rbx]
    VALUE   "changed through itself"
    mov     rax, L1B + RW
    lea     rsi, [rbx + 0x2000]
    mov     [rsi + 16], rax                     # entry 2 takes itself away
    invlpg  [rsi]
    mov     rax, DATA + RW
    mov     [rsi], rax                          # goes to L1B
    invlpg  [rbx]
    mov     rax, [rbx]
    VALUE   "still"
    mov     rax, [L1B]
    VALUE   "in the other frame"
    ENTRY   L1A, 2, L1A + PRESENT
    lea     rsi, [rbx + 0x2000]
    invlpg  [rsi]
    TRY     "write to itself read-only", mov qword ptr [rsi], 0
    mov     rax, cr0
    btr     rax, 16
    mov     cr0, rax
    TRY     "the same with WP off", mov qword ptr [rsi], 0
    mov     rax, cr0
    bts     rax, 16
    mov     cr0, rax
    invlpg  [rbx]
    TRY     "read what it took away", mov rax, [rbx]
    jmp     unchain

# L2A's entry 3 leads to L2A again: there it is an L1, whose entry 0 maps L1A.
one_frame_at_two_levels:
    call    chain
    ENTRY   L2A, 3, L2A + RW
    mov     rsi, WINDOW + (3 << 21)             # L1A as a page
    mov     rax, [rsi]
    and     rax, -0x61
    VALUE   "L1A's entry 0"
    mov     rsi, WINDOW + (3 << 21)
    mov     rax, OTHER + RW
    mov     [rsi], rax
    invlpg  [rbx]
    mov     rax, [rbx]
    VALUE   "changed"
    mov     rsi, WINDOW + (3 << 21) + 0x3000    # L2A as a page
    mov     rax, L1B + RW
    mov     [rsi], rax                          # L1B is empty
    FLUSH
    TRY     "read below the other L1", mov rax, [rbx]
    ENTRY   L1B, 0, DATA + RW
    mov     rax, [rbx]
    VALUE   "filled"
    mov     rsi, WINDOW + (3 << 21) + 0x3000
    mov     qword ptr [rsi + 24], 0             # it removes the way that it was reached by
    FLUSH
    mov     rsi, WINDOW + (3 << 21) + 0x3000
    TRY     "the way is gone", mov rax, [rsi]
    jmp     unchain

tables_inside_large_pages:
    call    chain
    mov     edi, BIG
    mov     ecx, 0x200000 / 8
    xor     eax, eax
    rep stosq
    ENTRY   BIG, 0, BIG + 0x1000 + RW           # an L1 inside the big page maps a page inside the big page
    ENTRY   L2A, 1, BIG + RW
    ENTRY   L2A, 2, BIG + RW + LARGE
    FLUSH
    mov     rsi, WINDOW + (1 << 21)
    mov     rdi, WINDOW + (2 << 21)
    mov     qword ptr [rsi], 0x44
    mov     rax, [rdi + 0x1000]
    VALUE   "through the big page"
    mov     rdi, WINDOW + (2 << 21)
    mov     rsi, WINDOW + (1 << 21)
    mov     rax, BIG + 0x2000 + RW
    mov     [rdi], rax                          # the table, through the big page that holds it
    invlpg  [rsi]
    mov     qword ptr [rsi], 0x55
    mov     rax, [BIG + 0x2000]
    VALUE   "after the table moved"
    ENTRY   L3A, 1, 0 + RW + LARGE              # the first gigabyte as one page, tables and all
    mov     rdi, WINDOW + (1 << 30) + L1A
    mov     rax, OTHER + RW
    mov     [rdi], rax
    invlpg  [rbx]
    mov     rax, [rbx]
    VALUE   "through a gigabyte page"
    mov     rdi, WINDOW + (1 << 30) + L3A
    mov     qword ptr [rdi + 8], 0              # the entry that maps itself
    FLUSH
    mov     rdi, WINDOW + (1 << 30) + L3A
    TRY     "the gigabyte page took itself away", mov rax, [rdi]
    ENTRY   L2A, 2, BIG + PRESENT + LARGE
    FLUSH
    mov     rdi, WINDOW + (2 << 21)
    TRY     "write to the read-only big page", mov qword ptr [rdi + 0x3000], 1
    jmp     unchain

reserved_bits:
    call    chain
    ENTRY   L2A, 1, BIG + 0x4000 + RW + LARGE
    ENTRY   L3A, 1, 0x40000000 + 0x200000 + RW + LARGE
    ENTRY   L1A, 4, DATA + RW + (1 << 51)
    mov     rsi, WINDOW + (1 << 21)
    TRY     "big page that is not aligned", mov rax, [rsi]
    TRY     "written", mov [rsi], rax
    mov     rsi, WINDOW + (1 << 30)
    TRY     "gigabyte page that is not aligned", mov rax, [rsi]
    ENTRY   l4, 2, L3A + RW + LARGE
    mov     rsi, 2 * SLOT
    TRY     "PS in the L4", mov rax, [rsi]
    mov     qword ptr [l4 + 16], 0
    TRY     "a frame beyond the processor's width", mov rax, [rbx + 0x4000]
    mov     rax, DATA + RW
    bts     rax, 63
    mov     [L1A + 5 * 8], rax
    TRY     "NX with EFER.NXE", mov rax, [rbx + 0x5000]
    mov     ecx, EFER
    rdmsr
    btr     eax, 11
    wrmsr
    FLUSH
    TRY     "NX without EFER.NXE", mov rax, [rbx + 0x5000]
    TRY     "a page beside it", mov rax, [rbx]
    TRY     "fetched", call rbx_plus_5000
    mov     ecx, EFER
    rdmsr
    bts     eax, 11
    wrmsr
    FLUSH
    TRY     "NX with EFER.NXE again", mov rax, [rbx + 0x5000]
    TRY     "fetched", call rbx_plus_5000
    jmp     unchain
rbx_plus_5000:
    lea     rax, [rbx + 0x5000]
    jmp     rax

write_protection:
    call    chain
    ENTRY   L1A, 0, DATA + PRESENT
    FLUSH
    TRY     "write, WP on", mov qword ptr [rbx], 1
    mov     rax, cr0
    btr     rax, 16
    mov     cr0, rax
    TRY     "write, WP off", mov qword ptr [rbx], 2
    TRY     "locked, WP off", lock inc qword ptr [rbx]
    TRY     "pushed, WP off", push qword ptr [rbx]
    pop     rax
    mov     rax, [L1A]
    VALUE   "entry"
    mov     rax, cr0
    bts     rax, 16
    mov     cr0, rax
    TRY     "write, WP on again", mov qword ptr [rbx], 3
    mov     rax, [rbx]
    VALUE   "value"
    mov     rax, cr0
    btr     rax, 16
    mov     cr0, rax
    ENTRY   L1A, 3, L1A + PRESENT
    mov     rax, OTHER + RW
    mov     rdi, WINDOW + 0x3000
    mov     [rdi], rax
    invlpg  [rbx]
    mov     rax, cr0
    bts     rax, 16
    mov     cr0, rax
    mov     rax, [rbx]
    VALUE   "moved by a write with WP off"
    jmp     unchain

accessed_and_dirty:
    call    chain
    mov     rax, [l4 + 8]
    VALUE   "L4 entry"
    mov     rax, [rbx]
    mov     rax, [L1A]
    VALUE   "L1 entry read"
    mov     [rbx], rax
    mov     rax, [L1A]
    VALUE   "L1 entry written"
    mov     rax, [L2A]
    VALUE   "L2 entry"
    mov     rax, [L3A]
    VALUE   "L3 entry"
    mov     rax, [l4 + 8]
    VALUE   "L4 entry"
    ENTRY   L1A, 0, DATA + RW
    invlpg  [rbx]
    TRY     "compare that fails", lock cmpxchg [rbx], rbx
    mov     rax, [L1A]
    VALUE   "L1 entry after it"
    ENTRY   L1A, 1, OTHER + PRESENT
    lea     rsi, [rbx + 0x1000]
    invlpg  [rsi]
    TRY     "write that is not allowed", mov [rsi], rax
    mov     rax, [L1A + 8]
    VALUE   "L1 entry after it"
    ENTRY   L2A, 1, BIG + RW + LARGE
    mov     rsi, WINDOW + (1 << 21)
    mov     rax, [rsi + 0x5000]
    mov     rax, [L2A + 8]
    VALUE   "big page read"
    mov     rsi, WINDOW + (1 << 21)
    mov     [rsi + 0x6000], rax
    mov     rax, [L2A + 8]
    VALUE   "big page written"
    jmp     unchain

# Every way to change the entry of a page that is in use; then what the page shows.
.macro SHOW text
    invlpg  [rbx]
    mov     rax, [rbx]
    VALUE   "\text"
.endm
writes_of_every_width:
    call    chain
    mov     r12d, DATA
    mov     rax, [rbx]
    mov     byte ptr [L1A + 1], (OTHER >> 8) & 0xff
    SHOW    "byte"
    mov     word ptr [L1A], (DATA & 0xf000) + RW
    SHOW    "word"
    mov     dword ptr [L1A], OTHER + RW
    SHOW    "doubleword"
    mov     eax, DATA + RW
    xchg    [L1A], eax
    SHOW    "exchange"
    mov     eax, OTHER - DATA
    lock xadd [L1A], rax
    SHOW    "exchange and add"
    lock btr qword ptr [L1A], 12
    SHOW    "bit reset"
    lock or qword ptr [L1A], 0x1000
    SHOW    "or"
    mov     rax, [L1A]
    mov     edx, DATA + RW
    lock cmpxchg [L1A], rdx
    SHOW    "compare and exchange"
    mov     rax, [L1A]
    mov     rdx, [L1A + 8]
    mov     rbp, rbx
    mov     ebx, OTHER + RW
    mov     ecx, DATA + RW
    lock cmpxchg16b [L1A]
    mov     rbx, rbp
    SHOW    "16 bytes at once"
    mov     eax, DATA + RW
    movq    xmm0, rax
    movups  [L1A], xmm0
    SHOW    "vector"
    lea     rsi, [rbx + 0x1000]
    invlpg  [rsi]
    TRY     "its other half", mov rax, [rsi]
    mov     dword ptr [L1A + 6], 0              # from one entry into the next
    mov     edi, L1A
    mov     esi, OFFSET l1_copy
    mov     ecx, 512
    rep movsq
    SHOW    "copied"
    mov     edi, L1A
    mov     ecx, 512
    xor     eax, eax
    rep stosq
    invlpg  [rbx]
    TRY     "cleared", mov rax, [rbx]
    mov     qword ptr [L1A - 4], 0              # from the page before into the table
    ENTRY   L1A, 0, DATA + RW
    SHOW    "alive again"
    mov     dword ptr [L1A + 0xffe], 0          # out of the table into the page behind
    mov     rax, [rbx]
    VALUE   "after a write across the end"
    jmp     unchain
.section .rodata
.balign 8
l1_copy: .rept 512
    .quad OTHER + RW
    .endr
.text

# The stack lies in an L1 that is in use; calls and traps write entries.
stack_in_a_table:
    call    chain
    ENTRY   L1A, 8, DATA + RW
    mov     rax, [rbx]
    mov     r12, rsp
    mov     esp, L1A + 0x800
    push    OTHER + RW                          # an entry, made by a push
    pop     rax
    call    1f
1:  pop     rax
    pushfq
    popfq
    mov     rsp, r12
    VALUE   "called"
    mov     r12, rsp
    TRY     "trap on such a stack", call ud_in_table
    mov     rsp, r12
    mov     rax, [rbx]
    VALUE   "the table still serves"
    mov     rsi, WINDOW + (0xff << 12)
    invlpg  [rsi]
    TRY     "an entry that was pushed", mov rax, [rsi]
    jmp     unchain
ud_in_table:
    mov     esp, L1A + 0x800
    ud2

# GDT and TSS in the upper half of a table in use: loading a selector writes its accessed bit.
descriptors_in_a_table:
    call    chain
    mov     rax, [rbx]
    mov     esi, OFFSET gdt
    mov     edi, L1A + 0x800
    mov     ecx, 8
    rep movsq
    mov     rax, 0x00cf92000000ffff             # data, not yet accessed
    mov     [L1A + 0x800 + 16], rax
    sub     rsp, 16
    mov     word ptr [rsp], 63
    mov     qword ptr [rsp + 2], L1A + 0x800
    lgdt    [rsp]
    mov     eax, KERNEL_DATA
    TRY     "load", mov es, eax
    mov     rax, [L1A + 0x800 + 16]
    VALUE   "descriptor"
    lgdt    [gdt_pointer]
    add     rsp, 16
    mov     rax, [rbx]
    VALUE   "the table still serves"
    jmp     unchain

# Code in the upper half of a table in use changes entry 0 of the table that it lies in, and itself.
code_in_a_table:
    call    chain
    mov     rax, [rbx]
    mov     esi, OFFSET visitor
    mov     edi, L1A + 0x800
    mov     ecx, OFFSET visitor_end
    sub     ecx, esi
    rep movsb
    mov     ecx, 3
1:  push    rcx
    mov     edi, L1A + 0x800
    TRY     "visit", call rdi
    VALUE   "it says"
    mov     rax, [rbx]
    VALUE   "page"
    pop     rcx
    dec     ecx
    jnz     1b
    jmp     unchain
visitor:
    mov     eax, 0x10
    inc     dword ptr [rip + visitor + 1]       # the constant above
    xor     qword ptr [L1A], 0x1000
    invlpg  [rbx]
    ret
visitor_end:

# 4096 pages on demand, three times over; a handler fills one entry a fault.
demand_paging:
    mov     edi, FREE
    mov     ecx, 0x20000 / 8
    xor     eax, eax
    rep stosq
    ENTRY   l4, 1, L3A + RW
    ENTRY   L3A, 0, L2A + RW
    mov     edi, 0x2000000
    mov     ecx, 4096 * 512
    xor     eax, eax
    rep stosq
    mov     rax, OFFSET on_demand
    mov     [hook], rax
    mov     r14d, 3
1:  xor     r13d, r13d
    mov     rbx, WINDOW
    xor     ecx, ecx
2:  add     [rbx + rcx * 8], rcx
    add     rcx, 0x200 + 0x40
    cmp     rcx, 4096 * 512
    jb      2b
    xor     ecx, ecx
3:  add     r13, [rbx + rcx * 8]
    add     rcx, 0x200 + 0x40
    cmp     rcx, 4096 * 512
    jb      3b
    mov     rax, r13
    VALUE   "sum"
    mov     edi, FREE + 0x2000
    mov     ecx, 8 * 512
    xor     eax, eax
    rep stosq                                   # all L1s in one stroke
    FLUSH
    dec     r14d
    jnz     1b
    mov     qword ptr [hook], 0
    mov     rax, [demanded]
    VALUE   "faults"
    jmp     unchain
on_demand:
    push    rax
    mov     rcx, cr2
    mov     rdx, WINDOW
    sub     rcx, rdx
    mov     rdx, rcx
    shr     rdx, 21                             # which L2 entry
    mov     rax, rdx
    shl     rax, 12
    add     rax, FREE + 0x2000 + RW
    mov     [L2A + rdx * 8], rax
    shr     rcx, 12
    mov     rax, rcx
    shl     rax, 12
    add     rax, 0x2000000 + RW
    mov     [FREE + 0x2000 + rcx * 8], rax
    inc     qword ptr [demanded]
    pop     rax
    cmp     eax, eax
    ret
.bss
demanded: .skip 8
.text

user_and_supervisor:
    call    chain
    mov     edi, DATA
    mov     esi, OFFSET user_code
    mov     ecx, OFFSET user_code_end
    sub     ecx, esi
    rep movsb
    ENTRY   L1A, 2, OTHER + RW
    ENTRY   L1A, 3, L1A + RWU                   # the user may write its own table
    .irp    step, 0, 1, 2, 3
    mov     rdi, WINDOW + \step * 32
    mov     rsi, WINDOW + 0x2000
    TRY     "user step \step", call call_user
    .endr
    mov     rax, [OTHER + 0x10]
    VALUE   "user wrote"
    mov     rax, cr4
    bts     rax, 20
    mov     cr4, rax
    TRY     "SMEP, call to a user page", call rbx
    mov     rax, cr4
    btr     rax, 20
    bts     rax, 21
    mov     cr4, rax
    TRY     "SMAP, read", mov rax, [rbx]
    TRY     "SMAP, write", mov [rbx + 0x1000], rax
    stac
    TRY     "SMAP, AC set", mov rax, [rbx]
    clac
    mov     rdi, WINDOW
    mov     rsi, WINDOW + 0x2000
    TRY     "the user itself", call call_user
    mov     rax, cr4
    btr     rax, 21
    mov     cr4, rax
    TRY     "SMAP off", mov rax, [rbx]
    jmp     unchain
user_code:
    mov     rax, WINDOW                         # step 0: its own table gets a new entry
    mov     dword ptr [rax + 0x3020], OTHER + RWU
    mov     dword ptr [rax + 0x4010], 0x77
    int     0x80
    .balign 32, 0xcc
    mov     rax, WINDOW                         # step 1: a page of the supervisor's
    mov     rax, [rax + 0x2000]
    int     0x80
    .balign 32, 0xcc
    mov     rax, cr3                            # step 2
    int     0x80
    .balign 32, 0xcc
    mov     rax, [0x100000]                     # step 3: the kernel's memory
    int     0x80
    .balign 32, 0xcc
user_code_end:

no_execute:
    call    chain
    mov     byte ptr [DATA], 0xc3
    TRY     "call", call rbx
    bts     qword ptr [L1A], 63
    invlpg  [rbx]
    TRY     "call, NX in the L1", call rbx
    TRY     "read, NX in the L1", mov rax, [rbx]
    btr     qword ptr [L1A], 63
    bts     qword ptr [L2A], 63
    FLUSH
    TRY     "call, NX in the L2", call rbx
    btr     qword ptr [L2A], 63
    bts     qword ptr [l4 + 8], 63
    FLUSH
    TRY     "call, NX in the L4", call rbx
    btr     qword ptr [l4 + 8], 63
    FLUSH
    TRY     "call", call rbx
    mov     word ptr [DATA + 0xfff], 0xb8       # MOV EAX: the constant lies on the next page
    mov     dword ptr [OTHER], 0x12345678
    mov     byte ptr [OTHER + 4], 0xc3
    lea     rsi, [rbx + 0xfff]
    TRY     "across pages", call rsi
    VALUE   "eax"
    mov     byte ptr [OTHER + 1], 0x99
    lea     rsi, [rbx + 0xfff]
    TRY     "second half changed", call rsi
    VALUE   "eax"
    bts     qword ptr [L1A + 8], 63
    FLUSH
    lea     rsi, [rbx + 0xfff]
    TRY     "second half not executable", call rsi
    mov     qword ptr [L1A + 8], 0
    FLUSH
    lea     rsi, [rbx + 0xfff]
    TRY     "second half not there", call rsi
    jmp     unchain

# Where there is no memory reads give ones or zeroes: either way there is no present, sane table. Only that it faults is told.
table_outside_memory:
    call    chain
    ENTRY   L2A, 4, 0xe0000000 + RW
    mov     rsi, WINDOW + (4 << 21)
    mov     qword ptr [resume], OFFSET 1f
    mov     [resume_stack], rsp
    mov     rax, [rsi]
1:  mov     qword ptr [resume], 0
    mov     qword ptr [traps], 0
    mov     rax, [last_vector]
    VALUE   "vector"
    mov     rax, [rbx]
    VALUE   "the rest is well"
    jmp     unchain

root_outside_memory:
    mov     eax, 0xe0000000
    mov     cr3, rax
    ud2

# The page fault cannot be delivered, nor can the double fault.
stack_lost:
    mov     rsp, SLOT
    push    rax
    ud2
