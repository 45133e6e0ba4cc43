# Traps, interrupts and code that changes itself, where they meet paging.

.include "trials.inc"

.equ L3A,               FREE
.equ L2A,               FREE + 0x1000
.equ L1A,               FREE + 0x2000
.equ DATA,              FREE + 0x8000
.equ OTHER,             FREE + 0x9000
.equ WINDOW,            SLOT

.text
.global play
play:
    SCENARIO 'a', stack_switch_on_a_page_fault
    SCENARIO 'b', double_fault_on_its_own_stack
    SCENARIO 'c', string_that_faults_in_the_middle
    SCENARIO 'd', single_steps_over_a_string
    SCENARIO 'e', timer_in_a_string
    SCENARIO 'f', halts_with_a_timer
    SCENARIO 'g', code_that_changes_itself
    SCENARIO 'h', addresses_that_are_not_canonical
    SCENARIO 'i', descriptor_table_that_is_not_there
    SCENARIO 'j', write_across_pages
    SCENARIO 'k', debug_watch_on_a_page
    FATAL   'z', no_descriptor_table
    ret

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
    FLUSH
    mov     rbx, WINDOW
    ret
unchain:
    mov     qword ptr [l4 + 8], 0
    FLUSH
    ret

stack_switch_on_a_page_fault:
    call    chain
    mov     qword ptr [task_state + 0x24], OFFSET ist_end
    mov     byte ptr [idt + 14 * 16 + 4], 1
    mov     qword ptr [resume], OFFSET 1f
    mov     [resume_stack], rsp
    mov     rsp, WINDOW + 0x3000                # nothing there
    push    rax
1:  mov     qword ptr [resume], 0
    mov     qword ptr [traps], 0
    mov     rax, [last_vector]
    VALUE   "vector"
    mov     rax, [last_stack]
    sub     rax, OFFSET ist_end
    VALUE   "depth on the other stack"
    mov     byte ptr [idt + 14 * 16 + 4], 0
    jmp     unchain

double_fault_on_its_own_stack:
    call    chain
    mov     qword ptr [task_state + 0x24], OFFSET ist_end
    mov     byte ptr [idt + 8 * 16 + 4], 1
    mov     qword ptr [resume], OFFSET 1f
    mov     [resume_stack], rsp
    mov     rsp, WINDOW + 0x3000
    push    rax
1:  mov     qword ptr [resume], 0
    mov     qword ptr [traps], 0
    mov     rax, [last_vector]
    VALUE   "vector"
    mov     rax, [last_error]
    VALUE   "error"
    mov     rax, [last_address]
    VALUE   "address"
    mov     qword ptr [resume], OFFSET 2f
    mov     [resume_stack], rsp
    mov     rsp, WINDOW + 0x4000
    ud2                                         # serial: page fault; on delivering that, double fault
2:  mov     qword ptr [resume], 0
    mov     qword ptr [traps], 0
    mov     rax, [last_vector]
    VALUE   "vector"
    mov     byte ptr [idt + 8 * 16 + 4], 0
    jmp     unchain

# REP MOVSB runs into a page that is not there, a handler maps it, and the string goes on where it was.
string_that_faults_in_the_middle:
    call    chain
    mov     qword ptr [L1A + 8], 0
    FLUSH
    mov     rax, OFFSET supply
    mov     [hook], rax
    mov     rdi, WINDOW + 0xf80
    mov     esi, OFFSET chain
    mov     ecx, 256
    mov     qword ptr [supplied], 0
    rep movsb
    mov     rax, rdi
    VALUE   "rdi"
    mov     rax, [supplied]
    VALUE   "faults"
    mov     rax, [supplied_count]
    VALUE   "left at the fault"
    mov     rsi, WINDOW + 0xf80
    mov     edi, OFFSET chain
    mov     ecx, 256
    repe cmpsb
    mov     eax, ecx
    VALUE   "left of the comparison"
    mov     qword ptr [hook], 0
    jmp     unchain
supply:
    mov     rax, [rsp + 16]                     # RCX of who was interrupted
    mov     [supplied_count], rax
    mov     eax, OTHER + RW
    mov     [L1A + 8], rax
    inc     qword ptr [supplied]
    cmp     eax, eax
    ret

single_steps_over_a_string:
    call    chain
    mov     rax, OFFSET step
    mov     [hook], rax
    mov     qword ptr [supplied], 0
    mov     rdi, WINDOW
    mov     ecx, 5
    mov     eax, 0x5a
    pushfq
    or      dword ptr [rsp], 1 << 8
    popfq
    rep stosb
    nop
    invlpg  [rbx]
    mov     [rbx + 0x40], rax
    pushfq
    and     dword ptr [rsp], ~(1 << 8)
    popfq
    mov     qword ptr [hook], 0
    mov     rax, [supplied]
    VALUE   "steps"
    mov     rax, [rbx]
    VALUE   "memory"
    jmp     unchain
step:
    cmp     qword ptr [last_vector], 1
    jne     1f
    inc     qword ptr [supplied]
    cmp     eax, eax
1:  ret

# The timer at full speed; whenever it comes, the string must be whole.
start_timer:
    mov     al, 0x11
    out     0x20, al
    mov     al, 0x20
    out     0x21, al
    mov     al, 4
    out     0x21, al
    mov     al, 1
    out     0x21, al
    mov     al, 0xfe
    out     0x21, al
    mov     al, 0x34
    out     0x43, al
    mov     al, 200
    out     0x40, al
    xor     eax, eax
    out     0x40, al
    mov     rax, OFFSET tick
    mov     [hook], rax
    mov     qword ptr [supplied], 0
    ret
stop_timer:
    mov     al, 0xff
    out     0x21, al
    mov     qword ptr [hook], 0
    ret
tick:
    cmp     qword ptr [last_vector], 0x20
    jne     1f
    inc     qword ptr [supplied]
    mov     al, 0x20
    out     0x20, al
    cmp     eax, eax
1:  ret

timer_in_a_string:
    call    chain
    call    start_timer
    sti
    mov     r13d, 16
1:  mov     edi, 0x1000000
    mov     ecx, 0x40000
    mov     eax, r13d
    rep stosb
    mov     edi, 0x1000000
    mov     ecx, 0x40000
    repe scasb
    jne     2f
    dec     r13d
    jnz     1b
    jmp     3f
2:  TEXT    "a wrong byte\n"
3:  cli
    call    stop_timer
    mov     eax, ecx
    VALUE   "left"
    jmp     unchain

halts_with_a_timer:
    call    chain
    call    start_timer
1:  sti
    hlt
    cli
    cmp     qword ptr [supplied], 10
    jb      1b
    call    stop_timer
    TEXT    "ten\n"
    jmp     unchain

# The code lies in DATA and runs through WINDOW; it is changed through WINDOW, through its own address and through a
# second mapping.
code_that_changes_itself:
    call    chain
    ENTRY   L1A, 2, DATA + RW
    mov     edi, DATA
    mov     esi, OFFSET changing
    mov     ecx, OFFSET changing_end - changing
    rep movsb
    call    rbx
    VALUE   "first"
    mov     byte ptr [DATA + 1], 0x20
    call    rbx
    VALUE   "through its own address"
    mov     rcx, WINDOW + 0x2000
    mov     byte ptr [rcx + 1], 0x30
    call    rbx
    VALUE   "through another mapping"
    mov     ecx, 100
1:  push    rcx
    call    rbx                                 # hot, then changed again
    pop     rcx
    dec     ecx
    jnz     1b
    VALUE   "hot"
    mov     byte ptr [DATA + 1], 0x40
    call    rbx
    VALUE   "after that"
    ENTRY   L1A, 0, OTHER + RW
    invlpg  [rbx]
    mov     dword ptr [OTHER], 0xc3c03148       # XOR RAX, RAX; RET
    call    rbx
    VALUE   "another page there"
    jmp     unchain
changing:
    mov     eax, 0x10
    inc     byte ptr [rip + 1f]                 # the next instruction but one
    nop
    .byte   0x05                                # ADD EAX, constant
1:  .long   0x100
    ret
changing_end:

addresses_that_are_not_canonical:
    call    chain
    mov     rsi, 0x0000800000000000
    TRY     "read", mov rax, [rsi]
    TRY     "read across the edge", mov rax, [rsi - 4]
    mov     rsi, 0xffff7fffffffffff
    TRY     "read below the upper half", mov rax, [rsi]
    mov     r12, rsp
    mov     rbp, 0x0000800000000000
    TRY     "through the stack segment", mov rax, [rbp]
    mov     rsp, r12
    TRY     "jump", jmp rsi
    TRY     "INVLPG", invlpg [rsi]
    jmp     unchain

# The GDT goes on to a page that is not there: loading from it is a page fault.
descriptor_table_that_is_not_there:
    call    chain
    mov     rdi, WINDOW + 0x1000
    mov     esi, OFFSET gdt
    mov     ecx, 8
    rep movsq
    sub     rsp, 16
    mov     word ptr [rsp], 0x1fff
    mov     rax, WINDOW + 0x1000
    mov     [rsp + 2], rax
    lgdt    [rsp]
    mov     eax, KERNEL_DATA
    TRY     "load", mov es, eax
    mov     eax, 0x1000 + KERNEL_DATA
    TRY     "load from the page that is not there", mov es, eax
    mov     qword ptr [L1A + 8], OTHER + PRESENT
    FLUSH
    btr     qword ptr [OTHER + KERNEL_DATA], 40
    mov     eax, KERNEL_DATA
    mov     qword ptr [resume], OFFSET 1f
    mov     [resume_stack], rsp
    mov     es, eax                             # the address is the implementation's: a byte, or more, with the bit
1:  mov     qword ptr [resume], 0
    mov     qword ptr [traps], 0
    mov     rax, [last_vector]
    VALUE   "load from a read-only page, vector"
    mov     rax, [last_error]
    VALUE   "error"
    lgdt    [gdt_pointer]
    add     rsp, 16
    jmp     unchain

# The second half of a write cannot be done: the first must not be seen either.
write_across_pages:
    call    chain
    mov     qword ptr [L1A + 8], OTHER + PRESENT
    FLUSH
    mov     rax, -1
    TRY     "write", mov [rbx + 0xffc], rax
    TRY     "locked", lock add [rbx + 0xffc], rax
    movq    xmm0, rax
    TRY     "vector", movups [rbx + 0xffc], xmm0
    mov     eax, [rbx + 0xffc]
    VALUE   "first half"
    mov     r12, rsp
    mov     qword ptr [resume], OFFSET 1f
    mov     [resume_stack], rsp
    lea     rsp, [rbx + 0x1004]
    push    rax
1:  mov     qword ptr [resume], 0
    mov     qword ptr [traps], 0
    mov     rax, [last_address]
    VALUE   "pushed, address"
    mov     eax, [rbx + 0xffc]
    VALUE   "first half"
    jmp     unchain

debug_watch_on_a_page:
    call    chain
    mov     rax, rbx
    mov     dr0, rax
    mov     eax, 0xd0001                        # four bytes, writes
    mov     dr7, rax
    mov     eax, 1
    TRY     "beside", mov [rbx + 4], eax
    TRY     "written", mov [rbx + 2], ax
    mov     rax, dr6
    and     eax, 15
    VALUE   "which"
    mov     eax, [rbx]
    VALUE   "memory"
    xor     eax, eax
    mov     dr7, rax
    mov     dr6, rax
    jmp     unchain

no_descriptor_table:
    call    chain
    sub     rsp, 16
    mov     word ptr [rsp], 0xfff
    mov     rax, WINDOW + 0x5000
    mov     [rsp + 2], rax
    lidt    [rsp]
    ud2

.bss
supplied: .skip 8
supplied_count: .skip 8
