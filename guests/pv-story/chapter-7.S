# Chapter 7: events, the virtual interrupts: two bitmaps, one upcall, and a flag in memory that masks it.

.include "story.inc"

.equ MILLISECOND,       1000000                 # in nanoseconds
.equ TIMER,             0                       # VIRQ_TIMER
.equ CLOSED,            1000                    # a port
.equ INTERRUPTS,        9                       # the bit of IF

.text

# A call with one argument structure: EVENT_CHANNEL_OP and SCHED_OP, by SYSCALL itself.
.macro ASK number:req, command:req, structure:req
    mov     edi, \command
    lea     rsi, [rip + \structure]
    HYPERCALL_PLAIN \number
.endm

# Sets the vCPU's timer to so many nanoseconds from now on. The moment, in a register that survives calls.
.macro SET_TIMER nanoseconds:req, moment:req
    call    system_time
    lea     \moment, [rax + \nanoseconds]
    mov     [rip + timer_at], \moment
    mov     edi, SET_SINGLE_TIMER
    xor     esi, esi
    lea     rdx, [rip + timer_at]
    HYPERCALL_PLAIN VCPU_OP
.endm

.global chapter_7
chapter_7:
    SAVE_CALLERS
    CHAPTER "Chapter 7. Events"
    STORY   "A PV guest has no interrupt controller. An event sets its port's bit in a page that guest and"
    STORY   "hypervisor share, and has the kernel called once. CLI and STI are stores to a byte there; a kernel"
    STORY   "that unmasks with something pending must say so, by any hypercall. In the frame of the upcall IF"
    STORY   "stands for that byte as it was. Time is the TSC, scaled by numbers in the same page."

    # The timer's port.
    mov     qword ptr [rip + bind_timer], TIMER # virtual interrupt and vCPU
    ASK     EVENT_CHANNEL_OP, BIND_VIRQ, bind_timer
    EXPECT  "result of binding the timer", rax, 0
    mov     ebx, [rip + bind_timer + 8]
    ASK     EVENT_CHANNEL_OP, BIND_VIRQ, bind_timer
    neg     rax
    mov     r14, rax
    EXPECT  "error of binding the timer again", rax, EEXIST
    mov     [rip + port], ebx
    ASK     EVENT_CHANNEL_OP, UNMASK, port
    EXPECT  "result of unmasking the timer's port", rax, 0
    mov     dword ptr [rip + closed_port], CLOSED
    ASK     EVENT_CHANNEL_OP, SEND, closed_port
    neg     rax
    EXPECT  "error of an event for a port that is closed", rax, EINVAL
    TELL    "binding the timer twice: error %d; an event for a closed port: error %d", r14, rax

    # Asleep until it fires.
    SET_TIMER "3 * MILLISECOND", r12
    EXPECT  "result of setting the timer", rax, 0
1:  ASK     SCHED_OP, BLOCK, port
    lea     rcx, [rip + events]
    cmp     qword ptr [rcx + rbx * 8], 0
    je      1b
    call    system_time
    mov     r13, rax
    sub     rax, r12
    setge   cl
    movzx   ecx, cl
    EXPECT  "whether it woke at the time or later", rcx, 1
    lea     rcx, [rip + events]
    mov     r14, [rcx + rbx * 8]
    EXPECT  "events of the timer", r14, 1
    EXPECT  "mask in the handler", [rip+upcall_mask], 1
    mov     r15, [rip + upcall_flags]
    shr     r15, INTERRUPTS
    and     r15d, 1
    EXPECT  "IF in the frame", r15, 1
    mov     rax, [rip + upcall_code]
    shr     rax, 32
    and     eax, 0xff
    EXPECT  "the old mask in the frame", rax, 0
    mov     eax, [rip + upcall_code]
    and     eax, 3
    EXPECT  "RPL of CS in the frame, from the kernel", rax, 0
    movzx   eax, byte ptr [rip + shared_info + UPCALL_MASK]
    EXPECT  "mask after the handler", rax, 0
    sub     r13, r12
    add     r13, 3 * MILLISECOND
    mov     rax, r13
    xor     edx, edx
    mov     ecx, MILLISECOND
    div     rcx
    TELL    "slept until its timer: %d event, %d ms later; IF in the frame %d, mask in the handler %d", r14, rax, r15, [rip+upcall_mask]

    # An event for itself, masked as a whole.
    ASK     EVENT_CHANNEL_OP, BIND_IPI, bind_self
    EXPECT  "result of binding a port to send to itself", rax, 0
    mov     ebp, [rip + bind_self + 4]
    mov     [rip + port], ebp
    ASK     EVENT_CHANNEL_OP, UNMASK, port
    EXPECT  "result of unmasking that port", rax, 0
    mov     byte ptr [rip + shared_info + UPCALL_MASK], 1
    mov     r15, [rip + upcalls]
    ASK     EVENT_CHANNEL_OP, SEND, port
    EXPECT  "result of sending to itself", rax, 0
    ASK     EVENT_CHANNEL_OP, SEND, port
    EXPECT  "upcalls while masked", [rip+upcalls], r15
    movzx   r12d, byte ptr [rip + shared_info + UPCALL_PENDING]
    EXPECT  "whether an upcall is pending", r12, 1
    mov     r13, [rip + upcalls]
    sub     r13, r15
    mov     byte ptr [rip + shared_info + UPCALL_MASK], 0
    xor     edi, edi
    xor     esi, esi
    HYPERCALL_PLAIN XEN_VERSION                 # any will do
    lea     rcx, [rip + events]
    mov     r14, [rcx + rbp * 8]
    EXPECT  "events after two were sent", r14, 1
    TELL    "sent twice to itself, masked: pending %d, upcalls %d; unmasked: %d event", r12, r13, r14

    # The port masked instead.
    lock bts [rip + shared_info + PORTS_MASKED], rbp
    ASK     EVENT_CHANNEL_OP, SEND, port
    lea     rcx, [rip + events]
    EXPECT  "events while the port is masked", [rcx+rbp*8], 1
    mov     r12, [rip + shared_info + PORTS_PENDING]
    mov     ecx, ebp
    shr     r12, cl
    and     r12d, 1
    EXPECT  "whether the masked port is pending", r12, 1
    ASK     EVENT_CHANNEL_OP, UNMASK, port
    lea     rcx, [rip + events]
    mov     r14, [rcx + rbp * 8]
    EXPECT  "events after the port was unmasked", r14, 2
    TELL    "sent with its port masked: pending %d; the port unmasked: %d events in all", r12, r14

    # Polling works with upcalls masked, and calls nobody.
    mov     byte ptr [rip + shared_info + UPCALL_MASK], 1
    SET_TIMER MILLISECOND, r12
    lea     rax, [rip + port]
    mov     [rip + port], ebx
    mov     [rip + poll], rax
    mov     qword ptr [rip + poll + 8], 1
    mov     qword ptr [rip + poll + 16], 0      # for as long as it takes
    mov     r15, [rip + upcalls]
    ASK     SCHED_OP, POLL, poll
    EXPECT  "result of polling", rax, 0
    call    system_time
    sub     rax, r12
    setge   cl
    movzx   ecx, cl
    EXPECT  "whether the poll took until the timer", rcx, 1
    EXPECT  "upcalls of the poll", [rip+upcalls], r15
    mov     r14, [rip + shared_info + PORTS_PENDING]
    mov     ecx, ebx
    shr     r14, cl
    and     r14d, 1
    EXPECT  "whether the polled port is pending", r14, 1
    TELL    "polled the timer's port, masked: it is pending (%d), and nobody was called", r14

    # The event is taken without its handler, and all is as at first.
    lock btr [rip + shared_info + PORTS_PENDING], rbx
    lock bts [rip + shared_info + PORTS_MASKED], rbx
    mov     byte ptr [rip + shared_info + UPCALL_PENDING], 0
    mov     qword ptr [rip + shared_info + PENDING_WORDS], 0

    # Time does not go back.
    call    system_time
    mov     r12, rax
    call    system_time
    sub     rax, r12
    setge   cl
    movzx   ecx, cl
    EXPECT  "whether the second of two times is the later", rcx, 1
    VERDICT
    RESTORE_CALLERS
    ret

# System time in nanoseconds, in RAX. The version is odd while the hypervisor updates the numbers.
system_time:
    lea     rdi, [rip + shared_info]
1:  mov     r8d, [rdi + TIME_VERSION]
    test    r8d, 1
    jnz     1b
    rdtsc
    shl     rdx, 32
    or      rax, rdx
    sub     rax, [rdi + TIME_STAMP]
    movsx   ecx, byte ptr [rdi + TIME_SHIFT]
    test    ecx, ecx
    js      2f
    shl     rax, cl
    jmp     3f
2:  neg     ecx
    shr     rax, cl
3:  mov     ecx, [rdi + TIME_SCALE]
    mul     rcx
    shrd    rax, rdx, 32
    add     rax, [rdi + TIME_SYSTEM]
    cmp     r8d, [rdi + TIME_VERSION]
    jne     1b
    ret

.bss
.balign 8
timer_at:       .skip 16                        # the moment, and flags
bind_timer:     .skip 16                        # virtual interrupt, vCPU, and the port that it gets
bind_self:      .skip 8                         # vCPU, and the port that it gets
port:           .skip 4
closed_port:    .skip 4
poll:           .skip 24                        # ports, how many, until when
