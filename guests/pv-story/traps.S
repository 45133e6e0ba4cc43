# Exceptions, events, and the ways to user mode and back.
#
# The hypervisor enters the kernel's handlers with RCX and R11 pushed last, below the error code and the frame that IRETQ
# knows. The way back is a hypercall.
#
# An exception of the kernel's is either expected or the end. It is expected when fault_resume is set: that is where to go
# on instead of the instruction that faulted. One of user mode ends the stay there.

.include "story.inc"

.equ STUB_SIZE,         16                      # bytes from one vector's stub to the next's
.equ STUBS,             32
# Exceptions that push an error code: 8, 10 to 14, 17, 21, 29, 30.
.equ WITH_ERROR_CODE,   1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 3 << 29
.equ EVENTS,            64                      # ports that are counted
.equ FROM_USER,         3                       # from which privilege INT may come to a handler, in a trap's flags

# What the stack holds once all is saved: 15 registers, then
.equ FRAME_VECTOR,      15 * 8
.equ FRAME_ERROR,       FRAME_VECTOR + 8
.equ FRAME_RIP,         FRAME_VECTOR + 16
.equ FRAME_CS,          FRAME_VECTOR + 24       # bits 39..32: whether events were masked
.equ FRAME_FLAGS,       FRAME_VECTOR + 32
.equ SAVED_RAX,         14 * 8
.equ SAVED_RCX,         13 * 8
.equ SAVED_R11,         4 * 8

.text

# Tells the hypervisor all handlers, and the stack on which those begin that leave user mode.
.global install_traps
install_traps:
    lea     rdi, [rip + trap_table]
    lea     rax, [rip + stubs]
    xor     ecx, ecx
1:  mov     [rdi], ecx                          # vector, no flags
    mov     word ptr [rdi + 2], FLAT_CODE
    mov     [rdi + 8], rax
    add     rdi, 16
    add     rax, STUB_SIZE
    inc     ecx
    cmp     ecx, STUBS
    jb      1b
    mov     dword ptr [rdi], FLAT_CODE << 16 | FROM_USER << 8 | PERMITTED
    mov     [rdi + 8], rax
    lea     rdi, [rip + trap_table]
    HYPERCALL SET_TRAP_TABLE
    mov     edi, FLAT_DATA
    lea     rsi, [rip + trap_stack_end]
    HYPERCALL STACK_SWITCH
    lea     rbx, [rip + callbacks]
    mov     ebp, 3
2:  xor     edi, edi                            # register
    mov     rsi, rbx
    HYPERCALL CALLBACK_OP
    add     rbx, 16
    dec     ebp
    jnz     2b
    ret

# One stub for each exception, and one more: the stack is made alike for all of them, as a processor leaves it.
.balign STUB_SIZE, 0xcc
stubs:
    .set    vector, 0
    .rept STUBS
    .balign STUB_SIZE, 0xcc
    pop     rcx
    pop     r11
    .ifeq (WITH_ERROR_CODE >> vector) & 1
    push    0
    .endif
    push    vector
    jmp     trapped
    .set    vector, vector + 1
    .endr
    .balign STUB_SIZE, 0xcc
    pop     rcx
    pop     r11
    push    0
    push    PERMITTED
    jmp     trapped

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
    mov     rax, [rbx + FRAME_VECTOR]
    mov     [rip + fault_vector], rax
    mov     rax, [rbx + FRAME_ERROR]
    mov     [rip + fault_code], rax
    mov     rax, [rbx + FRAME_RIP]
    mov     [rip + fault_rip], rax
    mov     rax, [rip + shared_info + FAULT_ADDRESS]
    mov     [rip + fault_address], rax
    test    byte ptr [rbx + FRAME_CS], 3
    jnz     back_to_kernel
    mov     rax, [rip + fault_resume]
    test    rax, rax
    jz      unexpected
    mov     qword ptr [rip + fault_resume], 0
    mov     [rbx + FRAME_RIP], rax
    inc     qword ptr [rip + faults]

leave_handler:
    RESTORE_ALL
    add     rsp, 16                             # vector and error code
    push    0                                   # flags: RCX and R11 are in the frame too
    jmp     hypercall_page + IRET * 32

# An exception that no chapter foresaw: says what there is to say, and ends the guest as failed.
unexpected:
    push    qword ptr [rip + fault_address]
    push    qword ptr [rip + fault_rip]
    push    qword ptr [rip + fault_code]
    push    qword ptr [rip + fault_vector]
    call    print_newline
    TEXT    rdi, "UNEXPECTED EXCEPTION %d, error code %x, at %x; CR2 %x. The story ends here."
    mov     rsi, rsp
    call    print_format
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# The hypervisor could not return where the kernel wanted.
failsafe:
    TEXT    rdi, "FAILSAFE CALLBACK. The story ends here."
    call    print_text
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# ---- Events ------------------------------------------------------------------------------------------------------------

# Counts each event that is pending on a port that is not masked. The hypervisor has masked upcalls on the way here.
event:
    pop     rcx
    pop     r11
    push    0
    push    0
    SAVE_ALL
    cld
    inc     qword ptr [rip + upcalls]
    movzx   eax, byte ptr [rip + shared_info + UPCALL_MASK]
    mov     [rip + upcall_mask], rax
    mov     rax, [rsp + FRAME_FLAGS]
    mov     [rip + upcall_flags], rax
    mov     rax, [rsp + FRAME_CS]
    mov     [rip + upcall_code], rax
    mov     byte ptr [rip + shared_info + UPCALL_PENDING], 0
    xor     ebx, ebx
    xchg    rbx, [rip + shared_info + PENDING_WORDS]
1:  bsf     rcx, rbx
    jz      leave_handler
    btr     rbx, rcx
    lea     rdi, [rip + shared_info]
    lea     rdi, [rdi + rcx * 8]
    mov     rbp, [rdi + PORTS_MASKED]
    not     rbp
    and     rbp, [rdi + PORTS_PENDING]
    shl     ecx, 6
2:  bsf     rdx, rbp
    jz      1b
    btr     rbp, rdx
    lock btr [rdi + PORTS_PENDING], rdx
    add     edx, ecx
    lea     rsi, [rip + events]
    cmp     edx, EVENTS
    jae     2b
    inc     qword ptr [rsi + rdx * 8]
    jmp     2b

# ---- Probes: does this access fault, and how? -----------------------------------------------------------------------
#
# RDI is the address, RSI what is stored. RAX is the fault's error code, or NO_FAULT; fault_address and fault_rip tell the
# rest.

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
.global probe_write_instruction
probe_write_instruction:
    mov     [rdi], rsi
    jmp     probed

# ---- User mode -----------------------------------------------------------------------------------------------------------

# Runs the code at RSI in user mode with RDI as its argument and the stack RDX, until it makes system call 0, or an
# exception ends its stay. Spares RBX, RBP, R12 to R15. RAX is fault_vector: SYSTEM_CALL, or what ended it.
.global run_as_user
run_as_user:
    mov     qword ptr [rip + fault_code], NO_FAULT
    SAVE_CALLERS
    mov     [rip + kernel_rsp], rsp
    push    FLAT_DATA
    push    rdx
    pushfq
    push    FLAT_CODE
    push    rsi
    # Events stay masked in user mode if they are now: IF stands for that.
    and     qword ptr [rsp + 16], ~(1 << 9)
    cmp     byte ptr [rip + shared_info + UPCALL_MASK], 0
    jne     1f
    or      qword ptr [rsp + 16], 1 << 9
1:  push    0
    jmp     hypercall_page + IRET * 32

# SYSCALL in user mode. RCX and R11 are the instruction's.
system_call:
    pop     rcx
    pop     r11
    push    0
    push    SYSTEM_CALL
    SAVE_ALL
    cld
    mov     rbx, rsp
    mov     rax, gs:[0]
    mov     [rip + system_call_gs], rax
    mov     rax, [rbx + SAVED_RCX]
    mov     [rip + system_call_rcx], rax
    mov     rax, [rbx + FRAME_RIP]
    mov     [rip + system_call_rip], rax
    mov     rax, [rbx + FRAME_CS]
    mov     [rip + system_call_code], rax
    inc     qword ptr [rip + system_calls]
    cmp     qword ptr [rbx + SAVED_RAX], 0
    je      1f
    inc     qword ptr [rbx + SAVED_RAX]         # what a system call other than 0 gives: its number plus one
    jmp     leave_handler
1:  mov     qword ptr [rip + fault_vector], SYSTEM_CALL

# Leaves the stack on which the handler began, and returns from run_as_user.
back_to_kernel:
    mov     rsp, [rip + kernel_rsp]
    RESTORE_CALLERS
    mov     rax, [rip + fault_vector]
    ret

.data
.balign 8
callbacks:                                      # type, flags, address
    .word   0, 0, 0, 0
    .quad   event
    .word   1, 0, 0, 0
    .quad   failsafe
    .word   2, 0, 0, 0
    .quad   system_call

.bss
.balign 16
trap_table:     .skip (STUBS + 2) * 16          # the last one ends it
                .skip 0x4000
trap_stack_end:
kernel_rsp:     .skip 8
.global fault_resume, fault_vector, fault_code, fault_address, fault_rip, faults
fault_resume:   .skip 8
fault_vector:   .skip 8
fault_code:     .skip 8
fault_address:  .skip 8                         # CR2, as the hypervisor tells it
fault_rip:      .skip 8                         # the instruction that faulted
faults:         .skip 8                         # how many the kernel has had
.global system_call_gs, system_call_rcx, system_call_rip, system_call_code, system_calls
system_call_gs:  .skip 8                        # of the last one
system_call_rcx: .skip 8
system_call_rip: .skip 8
system_call_code: .skip 8
system_calls:   .skip 8
.global upcalls, upcall_mask, upcall_flags, upcall_code, events
upcalls:        .skip 8
upcall_mask:    .skip 8                         # in the handler
upcall_flags:   .skip 8                         # of what was interrupted
upcall_code:    .skip 8
events:         .skip EVENTS * 8                # by port
