# The local APIC, the I/O APIC, priorities and NMI, as code meets them at an instruction's edge.

.include "trials.inc"

.equ APIC,              0xfee00000
.equ ID,                0x20
.equ TPR,               0x80
.equ PPR,               0xa0
.equ EOI,               0xb0
.equ SVR,               0xf0
.equ ISR,               0x100
.equ TMR,               0x180
.equ IRR,               0x200
.equ ICR,               0x300
.equ LVT_TIMER,         0x320
.equ LVT_LINT0,         0x350
.equ INITIAL,           0x380
.equ CURRENT,           0x390
.equ DIVIDE,            0x3e0
.equ IO_APIC,           0xfec00000
.equ APIC_BASE,         0x1b
.equ DEADLINE,          0x6e0
.equ X2APIC,            0x800

.equ PERIODIC,          1 << 17
.equ TSC_DEADLINE,      2 << 17
.equ MASKED,            1 << 16
.equ TO_SELF,           1 << 18

.text
.global play
play:
    call    begin
    SCENARIO 'a', interrupts_to_oneself
    SCENARIO 'b', priorities
    SCENARIO 'c', task_priority_by_register
    SCENARIO 'd', timer_once
    SCENARIO 'e', timer_again_and_again
    SCENARIO 'f', timer_at_a_deadline
    SCENARIO 'g', nmi_in_an_nmi
    SCENARIO 'h', nmi_wakes_with_interrupts_off
    SCENARIO 'i', edges_of_the_serial_port
    SCENARIO 'j', levels_of_the_serial_port
    SCENARIO 'k', timer_through_its_pin
    SCENARIO 'l', timer_through_the_old_controller
    SCENARIO 'm', registers_by_number
    ret

# Maps the two APICs, silences everything and counts what comes.
begin:
    mov     rax, OFFSET l2_apic + RW
    mov     [l3 + 24], rax
    ENTRY   l2_apic, 502, IO_APIC + RW + LARGE
    ENTRY   l2_apic, 503, APIC + RW + LARGE
    mov     rax, OFFSET count
    mov     [hook], rax
    mov     ebx, APIC
    mov     dword ptr [rbx + SVR], 0x1ff
    mov     dword ptr [rbx + LVT_LINT0], MASKED
    mov     dword ptr [rbx + DIVIDE], 0xb
    ret

# Every vector from 0x30 on and NMI is noted: its number becomes the lowest byte of seen, and those before move up.
count:
    mov     rax, [last_vector]
    cmp     eax, 2
    je      1f
    cmp     eax, 0x30
    jb      9f
    mov     dword ptr [rbx + EOI], 0
1:  mov     rcx, [seen]
    shl     rcx, 8
    or      rcx, rax
    mov     [seen], rcx
    inc     qword ptr [arrived]
    cmp     eax, 2
    jne     2f
    dec     qword ptr [again]                   # the first NMI asks for more while it is handled
    js      2f
    mov     dword ptr [rbx + ICR + 16], 0
    mov     dword ptr [rbx + ICR], 0x4400
    mov     dword ptr [rbx + ICR], 0x4400
    mov     rcx, [arrived]
    mov     [inside], rcx
2:  cmp     eax, 0x3f                           # 0x3f: from a level, which must go before the end
    jne     3f
    mov     edx, 0x3f9
    xor     eax, eax
    out     dx, al
3:  cmp     eax, eax
9:  ret

forget:
    mov     qword ptr [seen], 0
    mov     qword ptr [arrived], 0
    ret

interrupts_to_oneself:
    call    forget
    mov     dword ptr [rbx + ICR], TO_SELF + 0x41
    mov     dword ptr [rbx + ICR], TO_SELF + 0x52
    mov     dword ptr [rbx + ICR], TO_SELF + 0x41
    mov     eax, [rbx + IRR + 0x20]
    VALUE   "requested"
    sti
    nop
    cli
    mov     rax, [seen]
    VALUE   "seen"
    call    forget
    mov     dword ptr [rbx + ICR + 16], 0
    mov     dword ptr [rbx + ICR], 0x43         # by its ID
    mov     dword ptr [rbx + ICR], 0xc0044      # to all but itself
    sti
    nop
    cli
    mov     rax, [seen]
    VALUE   "seen"
    ret

priorities:
    call    forget
    mov     dword ptr [rbx + TPR], 0x45
    mov     dword ptr [rbx + ICR], TO_SELF + 0x4f
    mov     dword ptr [rbx + ICR], TO_SELF + 0x50
    mov     rax, cr8
    VALUE   "cr8"
    mov     eax, [rbx + PPR]
    VALUE   "priority"
    sti
    nop
    mov     rax, [seen]
    VALUE   "above the priority"
    mov     dword ptr [rbx + TPR], 0x3f
    nop
    cli
    mov     rax, [seen]
    VALUE   "all"
    mov     dword ptr [rbx + TPR], 0
    ret

# MOV to CR8 lets an interrupt in before the next instruction.
task_priority_by_register:
    call    forget
    mov     eax, 15
    mov     cr8, rax
    mov     eax, [rbx + TPR]
    VALUE   "task priority"
    sti
    mov     dword ptr [rbx + ICR], TO_SELF + 0x61
    mov     ecx, 1000
1:  loop    1b
    mov     rax, [arrived]
    VALUE   "held back"
    xor     eax, eax
    mov     cr8, rax
    mov     rax, [arrived]
    VALUE   "let in"
    cli
    mov     eax, 16
    TRY     "too large", mov cr8, rax
    ret

timer_once:
    call    forget
    mov     dword ptr [rbx + LVT_TIMER], 0x70
    mov     dword ptr [rbx + INITIAL], 20000
    sti
1:  hlt
    cmp     qword ptr [arrived], 1
    jb      1b
    mov     ecx, 100000
2:  loop    2b
    cli
    mov     rax, [seen]
    VALUE   "seen"
    mov     eax, [rbx + CURRENT]
    VALUE   "left"
    ret

timer_again_and_again:
    call    forget
    mov     dword ptr [rbx + LVT_TIMER], PERIODIC + 0x71
    mov     dword ptr [rbx + INITIAL], 30000
    sti
1:  hlt
    cmp     qword ptr [arrived], 5
    jb      1b
    cli
    mov     dword ptr [rbx + INITIAL], 0
    mov     rax, [seen]
    VALUE   "seen"
    mov     dword ptr [rbx + LVT_TIMER], MASKED
    ret

timer_at_a_deadline:
    call    forget
    mov     dword ptr [rbx + LVT_TIMER], TSC_DEADLINE + 0x72
    sti
    rdtsc
    mov     ecx, DEADLINE
    wrmsr
    nop
    mov     rax, [seen]
    VALUE   "past"
    call    forget
    rdtsc
    add     eax, 50000
    adc     edx, 0
    mov     esi, eax
    mov     ecx, DEADLINE
    wrmsr
1:  hlt
    cmp     qword ptr [arrived], 1
    jb      1b
    rdtsc
    sub     eax, esi
    shr     eax, 31
    VALUE   "too early"
    mov     ecx, DEADLINE
    rdmsr
    VALUE   "deadline"
    cli
    mov     dword ptr [rbx + LVT_TIMER], MASKED
    ret

# While one is handled, one more is kept, and only one.
nmi_in_an_nmi:
    call    forget
    mov     qword ptr [again], 1
    mov     dword ptr [rbx + ICR + 16], 0
    mov     dword ptr [rbx + ICR], 0x4400
    nop
    mov     rax, [inside]
    VALUE   "while the first was handled"
    mov     rax, [arrived]
    VALUE   "in all"
    mov     rax, [seen]
    VALUE   "seen"
    ret

# The old timer's pin as NMI: it wakes a processor that takes no interrupts.
nmi_wakes_with_interrupts_off:
    call    forget
    mov     qword ptr [again], 0
    mov     edi, 0x14
    mov     esi, 0x400
    call    route
    mov     ecx, 1000
    call    start_counter
    hlt
    mov     rax, [seen]
    VALUE   "seen"
    mov     edi, 0x14
    mov     esi, MASKED
    jmp     route

edges_of_the_serial_port:
    call    forget
    mov     edi, 0x18
    mov     esi, 0x3e
    call    route
    mov     edx, 0x3fc
    mov     al, 0xb                             # with OUT2
    out     dx, al
    mov     edx, 0x3f9
    mov     al, 2
    out     dx, al                              # the transmitter is empty
    sti
    nop
    cli
    mov     eax, [rbx + TMR + 0x10]
    VALUE   "level-triggered"
    mov     rax, [seen]
    VALUE   "seen"
    xor     eax, eax
    mov     edx, 0x3f9
    out     dx, al
    mov     edi, 0x18
    mov     esi, MASKED
    jmp     route

levels_of_the_serial_port:
    call    forget
    mov     edi, 0x18
    mov     esi, 0x803f
    call    route
    mov     edx, 0x3f9
    mov     al, 2
    out     dx, al
    mov     eax, [rbx + TMR + 0x10]
    VALUE   "level-triggered"
    mov     edi, 0x18
    call    entry
    VALUE   "entry"
    sti
    nop
    nop
    cli
    mov     rax, [seen]
    and     eax, 0xffff
    VALUE   "seen"
    mov     edi, 0x18
    call    entry
    VALUE   "entry"
    mov     edi, 0x18
    mov     esi, MASKED
    jmp     route

timer_through_its_pin:
    call    forget
    mov     edi, 0x14
    mov     esi, 0x80
    call    route
    mov     ecx, 2000
    call    start_counter
    sti
1:  hlt
    cmp     qword ptr [arrived], 1
    jb      1b
    cli
    mov     rax, [seen]
    VALUE   "seen"
    mov     edi, 0x14
    mov     esi, MASKED
    jmp     route

# LINT0 as the 8259's wire: its vectors need no end at the local APIC and know no task priority.
timer_through_the_old_controller:
    call    forget
    mov     al, 0x11
    out     0x20, al
    mov     al, 0x90
    out     0x21, al
    mov     al, 4
    out     0x21, al
    mov     al, 3                               # ends by itself
    out     0x21, al
    mov     al, 0xfe
    out     0x21, al
    mov     dword ptr [rbx + TPR], 0xf0
    mov     dword ptr [rbx + LVT_LINT0], 0x700
    mov     ecx, 2000
    call    start_counter
    sti
1:  hlt
    cmp     qword ptr [arrived], 1
    jb      1b
    cli
    mov     al, 0xff
    out     0x21, al
    mov     dword ptr [rbx + LVT_LINT0], MASKED
    mov     dword ptr [rbx + TPR], 0
    mov     rax, [seen]
    VALUE   "seen"
    ret

registers_by_number:
    mov     ecx, X2APIC + 3
    TRY     "x2APIC before its mode", rdmsr
    mov     ecx, APIC_BASE
    rdmsr
    mov     r12d, eax
    VALUE   "base"
    mov     eax, r12d
    or      eax, 0x200
    xor     edx, edx
    TRY     "reserved bit", wrmsr
    mov     eax, r12d
    and     eax, ~0x800
    or      eax, 0x400
    xor     edx, edx
    TRY     "extended but not enabled", wrmsr
    mov     eax, r12d
    or      eax, 0xc00
    xor     edx, edx
    TRY     "x2APIC mode", wrmsr
    mov     eax, r12d
    xor     edx, edx
    TRY     "back to xAPIC mode", wrmsr
    mov     ecx, X2APIC + 2
    rdmsr
    VALUE   "identity"
    mov     ecx, X2APIC + 0xb
    TRY     "read the end of interrupt", rdmsr
    mov     ecx, X2APIC + 0xe
    TRY     "destination format", rdmsr
    mov     ecx, X2APIC + 8
    mov     eax, 0x100
    xor     edx, edx
    TRY     "task priority too large", wrmsr
    mov     eax, 0x30
    xor     edx, edx
    TRY     "task priority", wrmsr
    mov     rax, cr8
    VALUE   "cr8"
    mov     rax, OFFSET count_by_number
    mov     [hook], rax
    call    forget
    mov     ecx, X2APIC + 0x3f
    mov     eax, 0x48
    xor     edx, edx
    wrmsr
    sti
    nop
    cli
    mov     rax, [arrived]
    VALUE   "to oneself"
    mov     ecx, APIC_BASE
    mov     eax, r12d
    and     eax, ~0xc00
    xor     edx, edx
    TRY     "off", wrmsr
    mov     eax, 1
    push    rbx
    cpuid
    pop     rbx
    shr     edx, 9
    mov     eax, edx
    and     eax, 1
    VALUE   "told by CPUID"
    mov     eax, [rbx + ID]
    VALUE   "memory"
    mov     ecx, APIC_BASE
    mov     eax, r12d
    xor     edx, edx
    TRY     "on", wrmsr
    mov     eax, [rbx + SVR]
    VALUE   "spurious"
    mov     rax, OFFSET count
    mov     [hook], rax
    ret
count_by_number:
    cmp     qword ptr [last_vector], 0x48
    jne     1f
    inc     qword ptr [arrived]
    mov     ecx, X2APIC + 0xb
    xor     eax, eax
    xor     edx, edx
    wrmsr
    cmp     eax, eax
1:  ret

# Counter 0 of the old timer, once after ECX of its ticks.
start_counter:
    mov     al, 0x30
    out     0x43, al
    mov     eax, ecx
    out     0x40, al
    shr     eax, 8
    out     0x40, al
    ret

# Entry EDI / 2 - 8 of the I/O APIC, for processor 0: ESI.
route:
    mov     eax, IO_APIC
    lea     ecx, [rdi + 1]
    mov     [rax], ecx
    mov     dword ptr [rax + 16], 0
    mov     [rax], edi
    mov     [rax + 16], esi
    ret
entry:
    mov     ecx, IO_APIC
    mov     [rcx], edi
    mov     eax, [rcx + 16]
    ret

.bss
.balign 0x1000
l2_apic: .skip 0x1000
seen:   .skip 8
arrived: .skip 8
again:  .skip 8
inside: .skip 8
