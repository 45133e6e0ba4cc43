# What the trials stand on: from the PVH entry to 64-bit code, a console, traps that are told instead of died of.
#
# Physical memory below 2 MiB is mapped to itself in 4 KiB pages, and up to 1 GiB in 2 MiB pages, all of it writable and
# for the supervisor. A trial takes frames from FREE on, and linear addresses from the slots of the L4 from 1 on.
#
# A scenario is chosen by the first character of the command line; without one, every scenario that comes back is played.

.include "trials.inc"

.section .note.Xen, "a", @note
    .balign 4
    .long   4, 8, 18                            # sizes of name and value; XEN_ELFNOTE_PHYS32_ENTRY
    .asciz  "Xen"
    .quad   start

.text
.code32
.global start
start:
    cli
    cld
    mov     esp, OFFSET stack_end
    mov     esi, [ebx + 24]                     # hvm_start_info.cmdline_paddr
    test    esi, esi
    jz      1f
    mov     al, [esi]
    mov     [chosen], al
1:  mov     edi, OFFSET l1
    mov     ecx, 512
    mov     eax, PRESENT | WRITABLE
2:  mov     [edi], eax
    add     eax, 0x1000
    add     edi, 8
    dec     ecx
    jnz     2b
    mov     edi, OFFSET l2
    mov     ecx, 512
    mov     eax, PRESENT | WRITABLE | LARGE
3:  mov     [edi], eax
    add     eax, 0x200000
    add     edi, 8
    dec     ecx
    jnz     3b
    mov     dword ptr [l2], OFFSET l1 + PRESENT + WRITABLE
    mov     dword ptr [l3], OFFSET l2 + PRESENT + WRITABLE
    mov     dword ptr [l4], OFFSET l3 + PRESENT + WRITABLE
    mov     eax, CR4_PAE | CR4_OSFXSR
    mov     cr4, eax
    mov     eax, OFFSET l4
    mov     cr3, eax
    mov     ecx, EFER
    mov     eax, EFER_LME | EFER_NXE | EFER_SCE
    xor     edx, edx
    wrmsr
    mov     eax, CR0_PE | CR0_WP | CR0_PG | CR0_ET | CR0_NE | CR0_MP
    mov     cr0, eax
    lgdt    [gdt_pointer]
    .byte   0xea
    .long   long_mode
    .word   KERNEL_CODE

.code64
long_mode:
    mov     eax, KERNEL_DATA
    mov     ds, eax
    mov     es, eax
    mov     ss, eax
    xor     eax, eax
    mov     fs, eax
    mov     gs, eax
    mov     esp, OFFSET stack_end
    mov     edx, 0x3fb
    mov     al, 3                               # eight bits a byte
    out     dx, al
    mov     rax, OFFSET task_state
    mov     [gdt + TASK + 2], ax
    shr     rax, 16
    mov     [gdt + TASK + 4], al
    mov     [gdt + TASK + 7], ah
    mov     eax, TASK
    ltr     ax
    mov     edi, OFFSET idt
    mov     esi, OFFSET stubs
    mov     ecx, 256
1:  mov     eax, esi
    mov     [rdi], ax
    mov     word ptr [rdi + 2], KERNEL_CODE
    mov     word ptr [rdi + 4], 0x8e00
    shr     eax, 16
    mov     [rdi + 6], ax
    mov     qword ptr [rdi + 8], 0
    add     edi, 16
    add     esi, STUB_SIZE
    dec     ecx
    jnz     1b
    mov     byte ptr [idt + 0x80 * 16 + 5], 0xee    # user code may leave
    lidt    [idt_pointer]
    call    play
    LEAVE   0

# ---- Traps ----------------------------------------------------------------------------------------------------------

.balign 16
stubs:
    .set    vector, 0
    .rept   256
    .set    here, .
    .if     (vector != 8) && ((vector < 10) || (vector > 14)) && (vector != 17) && (vector != 21)
    push    0
    .endif
    push    vector
    jmp     trap
    .skip   STUB_SIZE - (. - here), 0xcc
    .set    vector, vector + 1
    .endr

# Frame: RAX at 0, vector 8, error 16, RIP 24, CS 32, RFLAGS 40, RSP 48, SS 56.
trap:
    push    rax
    mov     rax, [rsp + 8]
    mov     [last_vector], rax
    cmp     qword ptr [hook], 0
    jne     hooked
go_on:
    inc     qword ptr [traps]
    mov     rax, [rsp + 16]
    mov     [last_error], rax
    mov     rax, cr2
    mov     [last_address], rax
    mov     rax, [rsp + 32]
    mov     [last_code], rax
    mov     [last_stack], rsp
    mov     rax, [rsp + 24]
    mov     [last_rip], rax
    cmp     qword ptr [resume], 0
    je      unexpected
    mov     rax, [resume]
    mov     rsp, [resume_stack]                 # as if the attempt had never been made
    push    0
    popfq
    jmp     rax
unexpected:
    mov     rsp, OFFSET stack_end
    TEXT    "unexpected"
    call    tell_trap
    TEXT    "  rip="
    mov     rdi, [last_rip]
    call    tell_number
    LEAVE   1

# The hook sees RDI = the frame at RIP; with ZF set it has dealt with the trap.
hooked:
    push    rdi
    push    rsi
    push    rcx
    push    rdx
    lea     rdi, [rsp + 56]
    call    qword ptr [hook]
    pop     rdx
    pop     rcx
    pop     rsi
    pop     rdi
    jnz     go_on
    pop     rax
    add     rsp, 16
    iretq

# Ends an attempt: tells whether it trapped. RDI: its name.
.global tell_attempt
tell_attempt:
    mov     qword ptr [resume], 0
    push    rax
    push    rdi
    mov     rdi, [rsp]
    call    tell_text
    cmp     qword ptr [traps], 0
    jne     1f
    TEXT    " ok"
    jmp     2f
1:  call    tell_trap
2:  call    tell_newline
    mov     qword ptr [traps], 0
    pop     rdi
    pop     rax
    ret

tell_trap:
    TEXT    " #"
    mov     rdi, [last_vector]
    call    tell_number
    TEXT    " error="
    mov     rdi, [last_error]
    call    tell_number
    cmp     qword ptr [last_vector], 14
    jne     1f
    TEXT    " address="
    mov     rdi, [last_address]
    call    tell_number
1:  test    byte ptr [last_code], 3
    jz      2f
    TEXT    " user rip="
    mov     rdi, [last_rip]
    call    tell_number
2:  ret

# Calls RDI at privilege level 3 with the stack RSI; it comes back through INT 0x80 or a trap, with RAX kept.
.global call_user
call_user:
    mov     [user_return], rsp
    mov     [task_state + 4], rsp
    mov     rax, OFFSET user_hook
    mov     [hook], rax
    push    USER_DATA
    push    rsi
    push    2
    push    USER_CODE
    push    rdi
    iretq
user_hook:
    mov     qword ptr [hook], 0
    cmp     qword ptr [last_vector], 0x80
    jne     1f
    mov     rsp, [user_return]
    mov     qword ptr [task_state + 4], 0
    xor     eax, eax
    ret                                         # to the caller of call_user
1:  test    rsp, rsp                            # not dealt with
    ret

# ---- The console ----------------------------------------------------------------------------------------------------

.global tell_byte, tell_text, tell_number, tell_newline, tell_value
tell_byte:
    mov     edx, 0x3fd
1:  in      al, dx
    test    al, 0x20
    jz      1b
    mov     edx, 0x3f8
    mov     eax, edi
    out     dx, al
    ret
tell_text:
    push    rbx
    mov     rbx, rdi
1:  movzx   edi, byte ptr [rbx]
    inc     rbx
    test    edi, edi
    jz      2f
    call    tell_byte
    jmp     1b
2:  pop     rbx
    ret
tell_newline:
    mov     edi, 10
    jmp     tell_byte
tell_number:                                    # RDI in hexadecimal, without leading zeros
    push    rbx
    push    rcx
    mov     rbx, rdi
    mov     ecx, 64
1:  sub     ecx, 4
    jz      2f
    mov     rax, rbx
    shr     rax, cl
    jz      1b
2:  mov     rax, rbx
    shr     rax, cl
    and     eax, 15
    movzx   edi, byte ptr [digits + rax]
    call    tell_byte
    sub     ecx, 4
    jns     2b
    pop     rcx
    pop     rbx
    ret
tell_value:                                     # the text RDI, then RSI
    push    rsi
    call    tell_text
    pop     rdi
    call    tell_number
    jmp     tell_newline

.data
digits: .ascii  "0123456789abcdef"
.balign 16
.global gdt, gdt_pointer, idt, idt_pointer, task_state
gdt:
    .quad   0
    .quad   0x00af9b000000ffff                  # KERNEL_CODE
    .quad   0x00cf93000000ffff                  # KERNEL_DATA
    .quad   0x00cff3000000ffff                  # USER_DATA
    .quad   0x00affb000000ffff                  # USER_CODE
    .quad   0x0000890000000067, 0               # TASK
    .quad   0
gdt_end:
gdt_pointer:
    .word   gdt_end - gdt - 1
    .quad   gdt
idt_pointer:
    .word   256 * 16 - 1
    .quad   idt
.bss
.balign 0x1000
.global l4, l3, l2, l1, stack_end, ist_end, chosen, hook, resume, resume_stack, traps
.global last_vector, last_error, last_address, last_stack, last_rip
l4:     .skip 0x1000
l3:     .skip 0x1000
l2:     .skip 0x1000
l1:     .skip 0x1000
idt:    .skip 0x1000
        .skip 0x2000
stack_end:
        .skip 0x1000
ist_end:
task_state: .skip 0x70
chosen: .skip 8
hook:   .skip 8
resume: .skip 8
resume_stack: .skip 8
user_return: .skip 8
traps:  .skip 8
last_vector: .skip 8
last_error: .skip 8
last_address: .skip 8
last_code: .skip 8
last_stack: .skip 8
last_rip: .skip 8
