# Descriptors, exceptions, and the ways in and out of CPL 3.
#
# A page fault is either expected or the end. It is expected when fault_resume or fault_cure is set:
#
#     fault_resume    where to go on instead of the instruction that faulted
#     fault_cure      a routine to call, after which that instruction is retried
#
# Either is used up by one fault, so that a fault that its cure did not cure ends the story.

.include "story.inc"

.equ VECTORS,           256
.equ DOUBLE_FAULT,      8
.equ PAGE_FAULT,        14
.equ BACK_TO_KERNEL,    0x80
.equ STUB_SIZE,         16                      # bytes from one exception's stub to the next's
.equ INTERRUPT_GATE,    0x8e
.equ USER_GATE,         0xee                    # the same with DPL 3
# Exceptions that push an error code: 8, 10 to 14, 17, 21, 29, 30.
.equ WITH_ERROR_CODE,   1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 3 << 29

# What the stack holds once all is saved: 15 registers, then
.equ FRAME_VECTOR,      15 * 8
.equ FRAME_ERROR,       FRAME_VECTOR + 8
.equ FRAME_RIP,         FRAME_VECTOR + 16

.text

# Loads the GDT, the TSS and the IDT, and reloads what depends on them.
.global install_traps
install_traps:
    # The TSS descriptor holds its base in four pieces.
    lea     rax, [rip + task_state]
    lea     rdi, [rip + task_state_descriptor]
    mov     [rdi + 2], ax
    mov     rdx, rax
    shr     rdx, 16
    mov     [rdi + 4], dl
    mov     [rdi + 7], dh
    shr     rdx, 16
    mov     [rdi + 8], edx
    lea     rax, [rip + trap_stack_end]
    mov     [rip + task_state + 4], rax         # RSP0: where a trap from CPL 3 begins
    lea     rax, [rip + last_stack_end]
    mov     [rip + task_state + 36], rax        # IST1: for the double fault, whose own stack may be what failed
    lgdt    [rip + gdt_pointer]
    mov     eax, TASK_STATE
    ltr     ax

    # CS already holds KERNEL_CODE, and the descriptor is the same one.
    lea     rdi, [rip + idt]
    lea     rax, [rip + stubs]
    mov     ecx, 32
1:  mov     edx, INTERRUPT_GATE
    call    write_gate
    add     rdi, 16
    add     rax, STUB_SIZE
    dec     ecx
    jnz     1b
    mov     byte ptr [rip + idt + DOUBLE_FAULT * 16 + 4], 1
    lea     rdi, [rip + idt + BACK_TO_KERNEL * 16]
    lea     rax, [rip + back_to_kernel]
    mov     edx, USER_GATE
    call    write_gate
    lidt    [rip + idt_pointer]
    ret

# Writes at RDI the gate of type DL for the handler RAX, without an IST.
write_gate:
    mov     [rdi], ax
    mov     word ptr [rdi + 2], KERNEL_CODE
    mov     byte ptr [rdi + 4], 0
    mov     [rdi + 5], dl
    mov     rsi, rax
    shr     rsi, 16
    mov     [rdi + 6], si
    shr     rsi, 16
    mov     [rdi + 8], esi
    mov     dword ptr [rdi + 12], 0
    ret

# One stub for each exception: the stack is made alike for all of them.
.balign STUB_SIZE, 0xcc
stubs:
    .set    vector, 0
    .rept 32
    .balign STUB_SIZE, 0xcc
    .ifeq (WITH_ERROR_CODE >> vector) & 1
    push    0
    .endif
    push    vector
    jmp     trapped
    .set    vector, vector + 1
    .endr
    .balign STUB_SIZE, 0xcc

.macro SAVE_ALL
    .irp register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    push    \register
    .endr
.endm

.macro RESTORE_ALL
    .irp register, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
    pop     \register
    .endr
.endm

trapped:
    SAVE_ALL
    cld
    mov     rbx, rsp
    cmp     qword ptr [rbx + FRAME_VECTOR], PAGE_FAULT
    jne     unexpected
    mov     rdx, [rip + fault_resume]
    mov     rcx, [rip + fault_cure]
    mov     rax, rdx
    or      rax, rcx
    jz      unexpected

    mov     rax, cr2
    mov     [rip + fault_address], rax
    mov     rax, [rbx + FRAME_ERROR]
    mov     [rip + fault_code], rax
    mov     rax, [rbx + FRAME_RIP]
    mov     [rip + fault_rip], rax
    mov     qword ptr [rip + fault_resume], 0
    mov     qword ptr [rip + fault_cure], 0
    test    rdx, rdx
    jz      1f
    mov     [rbx + FRAME_RIP], rdx
    jmp     2f
1:  call    rcx
2:  RESTORE_ALL
    add     rsp, 16                             # vector and error code
    iretq

# An exception that no chapter foresaw: says what there is to say, and ends the guest as failed.
unexpected:
    mov     rax, cr2
    push    rax
    push    qword ptr [rbx + FRAME_RIP]
    push    qword ptr [rbx + FRAME_ERROR]
    push    qword ptr [rbx + FRAME_VECTOR]
    call    print_newline
    TEXT    rdi, "UNEXPECTED EXCEPTION %d, error code %x, at %x; CR2 %x. The story ends here."
    mov     rsi, rsp
    call    print_format
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# ---- Probes: does this access fault, and how? -----------------------------------------------------------------------
#
# RDI is the address. RAX is the fault's error code, or NO_FAULT; fault_address and fault_rip tell the rest.

.macro EXPECT_FAULT_AND_RESUME label:req
    mov     qword ptr [rip + fault_code], NO_FAULT
    lea     rax, [rip + \label]
    mov     [rip + fault_resume], rax
.endm

.global probe_read
probe_read:
    EXPECT_FAULT_AND_RESUME probed
    mov     al, [rdi]
probed:
    mov     qword ptr [rip + fault_resume], 0
    mov     rax, [rip + fault_code]
    ret

.global probe_write
probe_write:
    EXPECT_FAULT_AND_RESUME probed
    mov     byte ptr [rdi], 0x5a
    jmp     probed

# The code at the address, should it run, must jump to RDX.
.global probe_fetch
probe_fetch:
    EXPECT_FAULT_AND_RESUME probed
    lea     rdx, [rip + probed]
    jmp     rdi

# The same from CPL 3. RSI is the routine of user.S that makes the access, RDX where in user.S to go on after a fault,
# both as linear addresses that CPL 3 may fetch from. Without a fault, RAX is NO_FAULT.
.global probe_as_user
probe_as_user:
    mov     [rip + fault_resume], rdx
    call    run_as_user
    jmp     probed

# Runs the code at RSI at CPL 3 with RDI as its argument, until it executes INT 0x80. Spares RBX, RBP, R12 to R15.
# It has no stack: nothing at CPL 3 here needs one, and a trap begins on RSP0.
.global run_as_user
run_as_user:
    mov     qword ptr [rip + fault_code], NO_FAULT
    .irp register, rbx, rbp, r12, r13, r14, r15
    push    \register
    .endr
    mov     [rip + kernel_rsp], rsp
    push    USER_DATA
    push    0
    push    2                                   # RFLAGS: only the bit that is always 1
    push    USER_CODE
    push    rsi
    iretq

# The gate's handler: leaves the trap stack, and returns from run_as_user.
back_to_kernel:
    cld
    mov     rsp, [rip + kernel_rsp]
    .irp register, r15, r14, r13, r12, rbp, rbx
    pop     \register
    .endr
    ret

.data
.balign 8
gdt:
    .quad   0
    .quad   0x00af9b000000ffff                  # KERNEL_CODE: 64-bit code, DPL 0
    .quad   0x00cf93000000ffff                  # KERNEL_DATA
    .quad   0x00cff3000000ffff                  # USER_DATA, DPL 3
    .quad   0x00affb000000ffff                  # USER_CODE: 64-bit code, DPL 3
task_state_descriptor:
    .quad   0x0000890000000067, 0               # an available 64-bit TSS of 104 bytes; base filled in
gdt_pointer:
    .word   gdt_pointer - gdt - 1
    .quad   gdt
idt_pointer:
    .word   VECTORS * 16 - 1
    .quad   idt
.balign 8
task_state:
    .skip   102
    .word   104                                 # I/O map base: past the end, so there is none

.bss
.balign 16
idt:            .skip VECTORS * 16
                .skip 0x2000
trap_stack_end:
                .skip 0x2000
last_stack_end:
kernel_rsp:     .skip 8
.global fault_resume, fault_cure, fault_address, fault_code, fault_rip
fault_resume:   .skip 8
fault_cure:     .skip 8
fault_address:  .skip 8                         # CR2
fault_code:     .skip 8
fault_rip:      .skip 8                         # the instruction that faulted
