# A PV guest of its own: it makes its hypercalls through the hypercall page, as kernels did before 2025, prints
# back what is typed on its console until a "q" comes or nothing for a second, and powers off.

    .set VIRTUAL_BASE, 0xffffffff80000000
    .set M2P, 0xffff800000000000

    .set UPDATE_VA_MAPPING, 14
    .set IRET, 23
    .set VCPU_OP, 24
    .set SCHED_OP, 29
    .set CALLBACK_OP, 30
    .set EVENT_CHANNEL_OP, 32

# start_info
    .set SHARED_INFO, 0x28
    .set CONSOLE_FRAME, 0x48
    .set CONSOLE_PORT, 0x50

# The console's page
    .set OUT, 0x400
    .set IN_CONSUMED, 0xc00
    .set IN_PRODUCED, 0xc04
    .set OUT_PRODUCED, 0xc0c

    .macro hypercall number
    call hypercall_page + \number * 32
    .endm

    .macro print text
    lea \text(%rip), %rsi
    call print_text
    .endm

    .text
    .globl start
start:
    mov CONSOLE_PORT(%rsi), %eax
    mov %eax, console_port(%rip)
    mov CONSOLE_FRAME(%rsi), %rax
    mov $M2P, %rbx
    mov (%rbx,%rax,8), %rax         # frames are machine frames: the pagetables map pfns
    shl $12, %rax
    add $VIRTUAL_BASE, %rax
    mov %rax, console(%rip)

    lea shared_info(%rip), %rdi     # its own page gives way to the shared one
    mov SHARED_INFO(%rsi), %rsi
    or $0x63, %rsi
    mov $2, %edx
    hypercall UPDATE_VA_MAPPING
    test %rax, %rax
    jnz fail

    xor %edi, %edi
    lea callback(%rip), %rsi
    hypercall CALLBACK_OP
    test %rax, %rax
    jnz fail

    mov $1, %edi
    lea bind_timer(%rip), %rsi
    hypercall EVENT_CHANNEL_OP
    test %rax, %rax
    jnz fail

    print greeting
wait:
    cmpb $0, finished(%rip)
    jne end
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    add $1000000000, %rax           # the TSC counts nanoseconds here
    mov %rax, timeout(%rip)
    mov $8, %edi
    xor %esi, %esi
    lea timeout(%rip), %rdx
    hypercall VCPU_OP
    mov $1, %edi
    xor %esi, %esi
    hypercall SCHED_OP              # returns behind the event's callback
    jmp wait

end:
    print farewell
    movl $0, reason(%rip)
shut_down:
    mov $2, %edi
    lea reason(%rip), %rsi
    hypercall SCHED_OP
fail:
    movl $3, reason(%rip)
    jmp shut_down

# The event callback: RCX and R11 lie on top of RIP, CS, RFLAGS, RSP, SS.
event:
    push %rax
    push %rbx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    movb $0, shared_info(%rip)      # upcall_pending
    xor %eax, %eax
    xchg %rax, shared_info+8(%rip)  # the words that have something
    xor %ebx, %ebx
    xchg %rbx, shared_info+0x800(%rip)
    mov bind_timer+8(%rip), %ecx
    bt %rcx, %rbx
    jnc 1f
    movb $1, finished(%rip)
1:  mov console_port(%rip), %ecx
    bt %rcx, %rbx
    jnc 2f
    call echo
2:  pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rbx
    pop %rax
    pop %rcx
    pop %r11
    push $0                         # flags: RCX, R11 and RAX are restored
    jmp hypercall_page + IRET * 32

# Prints back what was typed.
echo:
    mov console(%rip), %rdx
1:  mov IN_CONSUMED(%rdx), %ecx
    cmp IN_PRODUCED(%rdx), %ecx
    je notify
    mov %ecx, %eax
    and $1023, %eax
    mov (%rdx,%rax), %al
    inc %ecx
    mov %ecx, IN_CONSUMED(%rdx)
    cmp $'q', %al
    jne 2f
    movb $1, finished(%rip)
2:  call put
    jmp 1b

# AL into the ring of the console, whose page is at RDX.
put:
    mov OUT_PRODUCED(%rdx), %ecx
    mov %ecx, %ebx
    and $2047, %ebx
    mov %al, OUT(%rdx,%rbx)
    inc %ecx
    mov %ecx, OUT_PRODUCED(%rdx)
    ret

print_text:
    mov console(%rip), %rdx
1:  lodsb
    test %al, %al
    jz notify
    call put
    jmp 1b

notify:
    mov $4, %edi
    lea console_port(%rip), %rsi
    hypercall EVENT_CHANNEL_OP
    ret

    .section .rodata
greeting: .asciz "echo: type, and q to end\n"
farewell: .asciz "\necho: powering off\n"

    .data
    .balign 8
callback:   .word 0, 0, 0, 0
            .quad event
bind_timer: .long 0, 0, 0
            .balign 8
timeout:    .quad 0, 0
console:    .quad 0
console_port: .long 0
reason:     .long 0
finished:   .byte 0

    .section .pages, "aw"
    .balign 4096
hypercall_page: .fill 4096, 1, 0xcc
shared_info:    .fill 4096, 1, 0

    .macro note type, size
    .long 4, \size, \type
    .asciz "Xen"
    .endm

    .section .note.Xen, "a", @note
    note 1, 8
    .quad start
    note 2, 8
    .quad hypercall_page
    note 3, 8
    .quad VIRTUAL_BASE
    note 4, 8
    .quad 0
