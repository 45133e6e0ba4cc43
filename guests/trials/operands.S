# One instruction with operands in as many places as it can name: each lies across the end of one slot of the L4 and the
# start of the next, and so does the instruction itself. Each place has tables of its own. Before every attempt so many other
# slots are read that a hypervisor with little room for shadows has had to give up those of the operands.

.include "trials.inc"

.equ CR4_OSXSAVE,       1 << 18
.equ XCR0_AVX,          7                       # x87, SSE, AVX
.equ ROUNDS,            24

# Boundary b is where slot 2b + 1 ends and slot 2b + 2 begins. Two adjoining frames lie there, also mapped to themselves.
.equ FIRST,             1                       # slot of boundary 0
.equ BOUNDARIES,        6
.equ SWEPT,             20                      # first of the slots that are read in between
.equ SWEPT_END,         SWEPT + 48              # of three tables each, more than the least pool holds
.equ SWEPT_OFFSET,      0x7000                  # in each of them
.equ DATA,              FREE                    # of boundary b: DATA + 0x2000 b
.equ DATA_END,          DATA + 0x2000 * BOUNDARIES
.equ L1S,               FREE + 0x100000         # of slot k: L1S + 0x1000 k, and so on
.equ L2S,               FREE + 0x200000
.equ L3S,               FREE + 0x300000
.equ SWEPT_FRAME,       FREE + 0x400000
.equ CODE,              4                       # the instruction's boundary
.equ TABLES,            5                       # two L1 tables lie at this one

# Boundary B by its linear address, and by the address at which its frames are mapped to themselves.
.macro AT register:req, b:req, offset=0
    mov     \register, SLOT * (2 * (\b) + FIRST + 1) + (\offset)
.endm
.equ HERE,              0x1000                  # DATA + 0x2000 b + HERE is the boundary

.text
.global play
play:
    mov     [kept_stack], rsp
    call    build
    mov     rax, cr4
    or      eax, CR4_OSXSAVE
    mov     cr4, rax
    xor     ecx, ecx
    xor     edx, edx
    mov     eax, XCR0_AVX
    xsetbv
    SCENARIO 'a', gather
    SCENARIO 'b', push_memory
    SCENARIO 'c', call_memory
    SCENARIO 'd', move_string
    SCENARIO 'e', compare_string
    SCENARIO 'f', compare_exchange_8
    SCENARIO 'g', compare_exchange_16
    SCENARIO 'h', read_modify_write
    SCENARIO 'i', move_onto_tables
    SCENARIO 'j', interrupt
    SCENARIO 'k', return_from_interrupt
    ret

# ---- Tables ---------------------------------------------------------------------------------------------------------

build:
    mov     edi, DATA
    mov     ecx, (SWEPT_FRAME + 0x1000 - DATA) / 8
    xor     eax, eax
    rep stosq
    mov     dword ptr [SWEPT_FRAME], 0x5eed
    mov     ebx, FIRST
1:  mov     edi, ebx                            # offsets of the slot's tables
    shl     edi, 12
    lea     eax, [rdi + L3S + RW]
    mov     [l4 + rbx * 8], rax
    lea     eax, [rdi + L2S + RW]
    mov     [rdi + L3S], rax
    mov     [rdi + L3S + 511 * 8], rax
    lea     eax, [rdi + L1S + RW]
    mov     [rdi + L2S], rax
    mov     [rdi + L2S + 511 * 8], rax
    cmp     ebx, SWEPT
    jae     2f
    lea     eax, [rdi - FIRST * 0x1000 + DATA + RW]
    mov     [rdi + L1S], rax                    # of an even slot: the frame behind a boundary
    mov     [rdi + L1S + 511 * 8], rax          # of an odd one: the frame before it
    jmp     3f
2:  mov     qword ptr [rdi + L1S + SWEPT_OFFSET >> 9], SWEPT_FRAME + RW
3:  inc     ebx
    cmp     ebx, FIRST + 2 * BOUNDARIES
    jne     4f
    mov     ebx, SWEPT
4:  cmp     ebx, SWEPT_END
    jne     1b
    mov     qword ptr [L1S + (FIRST + 2 * TABLES) * 0x1000 + 511 * 8], L1S + SWEPT * 0x1000 + RW
    mov     qword ptr [L1S + (FIRST + 2 * TABLES + 1) * 0x1000], L1S + SWEPT * 0x1000 + 0x1000 + RW
    FLUSH
    ret

# Reads every slot that is there for that, and nothing of the operands'.
sweep:
    mov     rax, SLOT * SWEPT + SWEPT_OFFSET
    mov     rdx, SLOT
    mov     ecx, SWEPT_END - SWEPT
1:  cmp     dword ptr [rax], 0x5eed
    jne     swept_wrong
    add     rax, rdx
    dec     ecx
    jnz     1b
    ret
swept_wrong:
    TEXT    "a slot that was read has changed\n"
    LEAVE   1

# ---- Attempts -------------------------------------------------------------------------------------------------------

# Brings ECX bytes at RSI, an instruction and the jump behind it, to the code's boundary so that its first byte is the last
# before it. Clears the data at the others.
place:
    mov     edi, DATA + 0x2000 * CODE + HERE - 1
    rep movsb
    ret

# ROUNDS times: sweep, "prepare", the instruction, "check", which leaves ZF set if all is as it must be. The instruction finds
# in R15 where to go on.
.macro MANY text:req, prepare:req, check:req, instruction:vararg
    .pushsection .rodata
.Lbytes\@:
    \instruction
    jmp     r15
.Lend\@:
    .popsection
    mov     rsi, OFFSET .Lbytes\@
    mov     ecx, OFFSET .Lend\@ - .Lbytes\@
    call    place
    mov     dword ptr [round], ROUNDS
.Lround\@:
    call    sweep
    call    \prepare
    mov     r15, OFFSET .Lback\@
    AT      r14, CODE, -1
    mov     [inner_stack], rsp
    test    r13, r13                            # a stack for the instruction
    cmovnz  rsp, r13
    jmp     r14
.Lback\@:
    mov     r13, rsp
    mov     rsp, [inner_stack]
    call    \check
    jne     wrong
    dec     dword ptr [round]
    jnz     .Lround\@
    TEXT    "  \text: OK\n"
    ret
.endm

wrong:
    TEXT    "  wrong, rounds to go="
    mov     edi, [round]
    call    tell_number
    call    tell_newline
    LEAVE   1

# The address at which what lies OFFSET from boundary B is mapped to itself.
.macro SELF register:req, b:req, offset=0
    mov     \register, DATA + 0x2000 * (\b) + HERE + (\offset)
.endm

.macro PUT b:req, offset:req, value:req
    mov     rax, \value
    mov     [DATA + 0x2000 * (\b) + HERE + (\offset)], rax
.endm

# ZF: the eight bytes there are VALUE.
.macro IS b:req, offset:req, value:req
    mov     rax, \value
    cmp     rax, [DATA + 0x2000 * (\b) + HERE + (\offset)]
.endm

# Four elements of eight bytes, each across a boundary: with the instruction, ten slots.
gather:
    MANY    "vpgatherqq", 1f, 2f, vpgatherqq ymm1, [rbx + ymm2], ymm3
1:  PUT     0, -3, 0x0102030405060708
    PUT     1, -4, 0x1112131415161718
    PUT     2, -5, 0x2122232425262728
    PUT     3, -6, 0x3132333435363738
    AT      rbx, 0
    vpcmpeqd ymm3, ymm3, ymm3
    vpxor   ymm1, ymm1, ymm1
    vmovdqu ymm2, [indices]
    xor     r13d, r13d
    ret
2:  vmovdqu [gathered], ymm1
    vptest  ymm3, ymm3                          # the mask is used up
    jnz     3f
    mov     rsi, OFFSET gathered
    mov     rdi, OFFSET expected
    mov     ecx, 4
    repe cmpsq
3:  ret

push_memory:
    MANY    "push [m]", 1f, 2f, push qword ptr [rbx]
1:  PUT     0, -3, 0x0102030405060708
    PUT     1, -4, 0
    AT      rbx, 0, -3
    AT      r13, 1, 4
    ret
2:  AT      rax, 1, -4
    cmp     rax, r13
    jne     3f
    IS      1, -4, 0x0102030405060708
3:  ret

call_memory:
    MANY    "call [m]", 1f, 2f, call qword ptr [rbx]
1:  mov     eax, OFFSET called
    mov     [DATA + 0x2000 * 0 + HERE - 3], rax
    PUT     1, -4, 0
    AT      rbx, 0, -3
    AT      r13, 1, 4
    ret
2:  AT      rax, 1, -4
    cmp     rax, r13
    jne     3f
    AT      rax, CODE, 1                        # two bytes long, from the last before the boundary
    cmp     rax, [DATA + 0x2000 * 1 + HERE - 4]
3:  ret
called:
    jmp     r15

move_string:
    MANY    "movsq", 1f, 2f, movsq
1:  PUT     2, -5, 0x2122232425262728
    PUT     3, -6, 0
    AT      rsi, 2, -5
    AT      rdi, 3, -6
    xor     r13d, r13d
    ret
2:  AT      rax, 3, 2
    cmp     rax, rdi
    jne     3f
    AT      rax, 2, 3
    cmp     rax, rsi
    jne     3f
    IS      3, -6, 0x2122232425262728
3:  ret

compare_string:
    MANY    "cmpsq", 1f, 2f, cmpsq
1:  PUT     2, -5, 0x2122232425262728
    PUT     3, -6, 0x2122232425262728
    AT      rsi, 2, -5
    AT      rdi, 3, -6
    xor     r13d, r13d
    ret
2:  jne     3f                                  # they were equal
    AT      rax, 3, 2
    cmp     rax, rdi
    jne     3f
    AT      rax, 2, 3
    cmp     rax, rsi
3:  ret

compare_exchange_8:
    MANY    "lock cmpxchg8b", 1f, 2f, lock cmpxchg8b [rdi]
1:  PUT     0, -2, 0x0102030405060708
    mov     edx, 0x01020304
    mov     eax, 0x05060708
    mov     ecx, 0x41424344
    mov     ebx, 0x45464748
    AT      rdi, 0, -2
    xor     r13d, r13d
    ret
2:  jne     3f
    IS      0, -2, 0x4142434445464748
3:  ret

# It must be aligned, so its operand is in one slot.
compare_exchange_16:
    MANY    "lock cmpxchg16b", 1f, 2f, lock cmpxchg16b [rdi]
1:  PUT     2, -16, 1
    PUT     2, -8, 2
    mov     eax, 1
    mov     edx, 2
    mov     ebx, 3
    mov     ecx, 4
    AT      rdi, 2, -16
    xor     r13d, r13d
    ret
2:  jne     3f
    IS      2, -16, 3
    jne     3f
    IS      2, -8, 4
3:  ret

read_modify_write:
    MANY    "add [m], r", 1f, 2f, add [rdi], rax
1:  PUT     1, -1, 0x0102030405060708
    mov     rax, 0x1010101010101010
    AT      rdi, 1, -1
    xor     r13d, r13d
    ret
2:  IS      1, -1, 0x1112131415161718
    ret

# The target lies across the end of one L1 table and the start of another. Both are in use; what is written is absent.
move_onto_tables:
    MANY    "movsq onto tables", 1f, 2f, movsq
1:  PUT     0, -3, 0x0000667000005500           # the low half to the first table's last entry
    mov     dword ptr [L1S + SWEPT * 0x1000 + 0xffc], 0
    mov     dword ptr [L1S + SWEPT * 0x1000 + 0x1000], 0
    AT      rsi, 0, -3
    AT      rdi, TABLES, -4
    xor     r13d, r13d
    ret
2:  mov     rax, 0x0000667000005500
    cmp     rax, [L1S + SWEPT * 0x1000 + 0xffc]
    ret

# IDT, GDT, TSS and the stack of the handler, each at a boundary; with the instruction ten slots, and one for the handler.
.equ VECTOR,            0x81
.equ GATE,              -8                      # of the vector, from boundary 0
.equ CODE_SEGMENT,      -4                      # its descriptor, from boundary 1
.equ TASK_SEGMENT,      -0x28                   # from boundary 2: the fourth byte of IST1 is the last before it
.equ INNER_STACK,       0x10                    # from boundary 3

systems_tables:
    mov     esi, OFFSET gdt
    SELF    edi, 1, (CODE_SEGMENT-KERNEL_CODE)
    mov     ecx, 8
    rep movsq
    SELF    edi, 1, (CODE_SEGMENT-KERNEL_CODE+TASK)
    AT      rax, 2, TASK_SEGMENT
    mov     word ptr [rdi], 0x67
    mov     [rdi + 2], ax
    shr     rax, 16
    mov     [rdi + 4], al
    mov     byte ptr [rdi + 5], 0x89
    mov     [rdi + 7], ah
    shr     rax, 16
    mov     [rdi + 8], rax
    SELF    edi, 2, TASK_SEGMENT
    AT      rax, 3, INNER_STACK
    mov     [rdi + 0x24], rax
    SELF    edi, 0, GATE
    mov     eax, OFFSET handler
    mov     [rdi], ax
    mov     word ptr [rdi + 2], KERNEL_CODE
    mov     word ptr [rdi + 4], 0x8e01          # IST1
    shr     eax, 16
    mov     [rdi + 6], ax
    mov     qword ptr [rdi + 8], 0
    mov     word ptr [far_gdt], 0x3f
    AT      rax, 1, (CODE_SEGMENT-KERNEL_CODE)
    mov     [far_gdt + 2], rax
    mov     word ptr [far_idt], VECTOR * 16 + 15
    AT      rax, 0, (GATE-VECTOR*16)
    mov     [far_idt + 2], rax
    ret

interrupt:
    call    systems_tables
    lgdt    [far_gdt]
    mov     eax, TASK
    ltr     ax
    lgdt    [gdt_pointer]
    MANY    "int n", 1f, 2f, int VECTOR
1:  lgdt    [far_gdt]
    lidt    [far_idt]
    mov     qword ptr [handled], 0
    xor     r13d, r13d
    ret
2:  lgdt    [gdt_pointer]
    lidt    [idt_pointer]
    AT      rax, 3, (INNER_STACK-40)
    cmp     rax, [handled]
    jne     3f
    AT      rax, CODE, 1                        # two bytes long
    cmp     rax, [DATA + 0x2000 * 3 + HERE + INNER_STACK - 40]
    jne     3f
    mov     rax, [inner_stack]
    cmp     rax, [DATA + 0x2000 * 3 + HERE + INNER_STACK - 16]
3:  ret
handler:
    mov     [handled], rsp
    jmp     r15

return_from_interrupt:
    call    systems_tables
    MANY    "iretq", 1f, 2f, iretq
1:  lgdt    [far_gdt]
    SELF    edi, 3, (INNER_STACK-40)
    mov     eax, OFFSET returned
    mov     [rdi], rax
    mov     qword ptr [rdi + 8], KERNEL_CODE
    mov     qword ptr [rdi + 16], 2
    lea     rax, [rsp + 8]
    mov     [rdi + 24], rax
    mov     qword ptr [rdi + 32], KERNEL_DATA
    mov     dword ptr [handled], 0
    AT      r13, 3, (INNER_STACK-40)
    ret
2:  lgdt    [gdt_pointer]
    cmp     dword ptr [handled], 1
    jne     3f
    cmp     r13, [inner_stack]
3:  ret
returned:
    mov     dword ptr [handled], 1
    jmp     r15

.section .rodata
.balign 8
# From boundary 0; boundaries are two slots apart.
indices:
    .quad   -3, SLOT * 2 - 4, SLOT * 4 - 5, SLOT * 6 - 6
expected:
    .quad   0x0102030405060708, 0x1112131415161718, 0x2122232425262728, 0x3132333435363738

.bss
.balign 16
kept_stack: .skip 8
inner_stack: .skip 8
handled: .skip 8
round: .skip 8
far_gdt: .skip 16
far_idt: .skip 16
gathered: .skip 32
