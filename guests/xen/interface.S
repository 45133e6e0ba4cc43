# A kernel that uses Xen's interface for HVM guests, from its entry by the PVH note to its power-off. One source for callers of both widths: what follows `body` is assembled as 64-bit code (WIDE) or as
# 32-bit code without paging, with 4 MiB pages (PSE) or with PAE tables (PAE). All of it uses 32-bit registers and addresses, which mean the same in both. It prints the same everywhere.

    .intel_syntax noprefix

.ifdef WIDE
    .set WIDTH, 8
    .set SELECTOR, 8
    .set WALL_CLOCK, 0xC00
.else
    .set WIDTH, 4
    .set SELECTOR, 4
    .set WALL_CLOCK, 0x900
.endif
    .set PENDING, 0x800

    .set MEMORY_OP, 12
    .set XEN_VERSION, 17
    .set CONSOLE_IO, 18
    .set VCPU_OP, 24
    .set SCHED_OP, 29
    .set EVENT_CHANNEL_OP, 32
    .set HVM_OP, 34

    .set VECTOR, 0x40
    .set OWN_VECTOR, 0x41
    .set APIC_END_OF_INTERRUPT, 0xFEE000B0
    .set SELF, 0x7FF0

# The note by which Xen's builder enters.
    .section .note.Xen, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start

# ---- macros -------------------------------------------------------------------------------------------------------

    .macro hypercall number, first=0, second=0, third=0
.ifdef WIDE
    mov edi, \first
    mov esi, \second
    mov edx, \third
.else
    mov ebx, \first
    mov ecx, \second
    mov edx, \third
.endif
    call hypercall_page + 32 * \number
    .endm

    .macro say text
    .pushsection .rodata
99: .ascii "\text\n"
98:
    .popsection
    hypercall CONSOLE_IO, 0, "98b - 99b", "offset 99b"
    .endm

    .macro require condition, text
    j\condition 97f
    say "FAILED: \text"
    jmp failed
97:
    .endm

    .macro succeeds text
    test eax, eax
    require z, "\text"
    .endm

# ---- start: 32-bit protected mode, EBX at the start info ------------------------------------------------------------

    .text
    .code32
    .globl start
start:
    cld
    mov esp, offset stack_end
    cmp dword ptr [ebx], 0x336EC578
    jne early_failure
    cmp dword ptr [ebx + 4], 1
    jb early_failure
    lgdt [gdt_register]
.ifdef WIDE
    mov dword ptr [top], offset directories + 3
    call map_all
    mov eax, offset top
    mov cr3, eax
    mov eax, 1 << 5
    mov cr4, eax
    mov ecx, 0xC0000080
    xor edx, edx
    mov eax, 1 << 8
    wrmsr
.endif
.ifdef PAE
    mov eax, offset directories
    call map_all
    mov cr3, eax
    mov eax, 1 << 5
    mov cr4, eax
.endif
.ifdef PSE
    mov edi, offset directory
    mov eax, 0x83
1:  mov [edi], eax
    add edi, 4
    add eax, 4 << 20
    jnc 1b
    mov eax, offset directory
    mov cr3, eax
    mov eax, 1 << 4
    mov cr4, eax
.endif
.ifdef PAGED
    mov eax, cr0
    or eax, 1 << 31
    mov cr0, eax
.endif
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
.ifdef WIDE
    jmp 0x18:body
.else
    jmp 0x08:body
.endif

early_failure:
    mov al, 1
    out 0xF4, al
    hlt

.ifdef TABLES_OF_512
# 4 GiB to themselves by 2 MiB pages; a PDPTE has no other bit than P.
map_all:
    push eax
    mov edi, offset directory
    xor ebx, ebx
    mov eax, 0x83
2:  mov [edi], eax
    mov dword ptr [edi + 4], 0
    add edi, 8
    add eax, 2 << 20
    jnc 2b
    mov eax, offset directory + DIRECTORY_FLAGS
    xor ebx, ebx
3:  mov [directories + ebx * 8], eax
    mov dword ptr [directories + ebx * 8 + 4], 0
    add eax, 4096
    inc ebx
    cmp ebx, 4
    jb 3b
    pop eax
    ret
.endif

# ---- the story --------------------------------------------------------------------------------------------------------

.ifdef WIDE
    .code64
.endif
body:
    mov eax, 0x40000000
    cpuid
    mov esi, eax
    cmp ebx, 0x566E6558
    jne failed_silently
    cmp ecx, 0x65584D4D
    jne failed_silently
    cmp edx, 0x4D4D566E
    jne failed_silently
    cmp esi, 0x40000002
    jb failed_silently
    mov eax, 0x40000002
    xor ecx, ecx
    cpuid
    test eax, eax
    jz failed_silently
    mov ecx, ebx
    mov eax, offset hypercall_page
    xor edx, edx
    wrmsr
    say "xen: found by CPUID, with a page of hypercalls"

    hypercall XEN_VERSION, 0
    shr eax, 16
    cmp eax, 4
    require e, "version 4"
    hypercall 99
    cmp eax, -38
    require e, "a hypercall that does not exist is ENOSYS"
    hypercall CONSOLE_IO, 0, 4, 0x70000000
    cmp eax, -14
    require e, "a bad pointer is EFAULT"
    say "xen: it is version 4, and answers mistakes"

# The console's ring.
    mov dword ptr [parameter + 4], 17
    hypercall HVM_OP, 1, "offset parameter"
    succeeds "the console's page is told"
    mov eax, [parameter + 8]
    shl eax, 12
    mov [console], eax
    mov dword ptr [parameter + 4], 18
    hypercall HVM_OP, 1, "offset parameter"
    mov eax, [parameter + 8]
    mov [console_port], eax
    mov eax, [console]
    mov edi, eax
    add edi, 0x400
    mov esi, offset ring_text
    mov ecx, offset ring_text_end - ring_text
    rep movsb
    mov dword ptr [eax + 0xC0C], offset ring_text_end - ring_text
    hypercall EVENT_CHANNEL_OP, 4, "offset console_port"
    succeeds "the console can be notified"
    mov eax, [console]
    mov ecx, [eax + 0xC08]
    cmp ecx, [eax + 0xC0C]
    require e, "the console has taken all"

# The page that is shared.
    mov eax, offset shared
    shr eax, 12
    mov [placement + 8 + WIDTH], eax
    hypercall MEMORY_OP, 7, "offset placement"
    succeeds "the shared page can be placed"
    mov eax, [shared + WALL_CLOCK + 4]
    cmp eax, 946684800
    require e, "it is the year 2000"
    mov eax, [shared + 32]
    and eax, 1
    require z, "the time is told"
    say "xen: the shared page tells the time"

# Events by a vector of the domain's.
    mov eax, offset upcall
    mov edi, offset idt + VECTOR * 2 * WIDTH
    call gate
    mov eax, offset own_upcall
    mov edi, offset idt + OWN_VECTOR * 2 * WIDTH
    call gate
    lidt [idt_register]
    mov dword ptr [parameter + 4], 0
    mov dword ptr [parameter + 8], VECTOR
    mov dword ptr [parameter + 12], 2 << 24
    hypercall HVM_OP, 0, "offset parameter"
    succeeds "the callback's vector can be set"
    hypercall EVENT_CHANNEL_OP, 7, "offset ipi"
    succeeds "a channel to oneself can be bound"
    hypercall EVENT_CHANNEL_OP, 4, "offset ipi + 4"
    succeeds "it can be sent to"
    call let_in
    mov ecx, [ipi + 4]
    bt dword ptr [seen], ecx
    require c, "the event is seen"
    cmp dword ptr [upcalls], 1
    require e, "once"
    say "xen: an event came by the domain's vector"

# The timer, waited for by a hypercall and by HLT.
    hypercall EVENT_CHANNEL_OP, 1, "offset timer"
    succeeds "the timer's channel can be bound"
    call set_timer
    hypercall SCHED_OP, 1
    succeeds "the vCPU can block"
    call let_in
    mov ecx, [timer + 8]
    bt dword ptr [seen], ecx
    require c, "the timer's event is seen"
    call is_past
    require nc, "the time has come"
    call set_timer
    sti
    hlt
    cli
    cmp dword ptr [upcalls], 3
    require e, "the timer ends a HLT"
    say "xen: its timer ends a block and a HLT"

    call set_timer
    mov eax, [single]
    mov [poll_time], eax
    mov eax, [single + 4]
    mov [poll_time + 4], eax
    hypercall VCPU_OP, 9, 0
    hypercall SCHED_OP, 3, "offset poll"
    succeeds "ports can be polled"
    call is_past
    require nc, "the poll's time has come"
    say "xen: a poll ends with its time"

# Events by a vector of the vCPU's own, through the local APIC.
    hypercall HVM_OP, 23, "offset own_vector"
    succeeds "the vCPU can have a vector of its own"
    call let_in
    mov dword ptr [seen], 0
    hypercall EVENT_CHANNEL_OP, 4, "offset ipi + 4"
    call let_in
    mov ecx, [ipi + 4]
    bt dword ptr [seen], ecx
    require c, "the event is seen"
    cmp dword ptr [own_upcalls], 2
    require e, "by its own vector"
    say "xen: an event came by the vCPU's vector"

# The store: READ of the domain's number.
    mov dword ptr [parameter + 4], 1
    hypercall HVM_OP, 1, "offset parameter"
    mov eax, [parameter + 8]
    shl eax, 12
    mov [store], eax
    mov dword ptr [parameter + 4], 2
    hypercall HVM_OP, 1, "offset parameter"
    mov eax, [store]
    mov edi, eax
    mov esi, offset request
    mov ecx, offset request_end - request
    rep movsb
    mov dword ptr [eax + 0x804], offset request_end - request
    hypercall EVENT_CHANNEL_OP, 4, "offset parameter + 8"
    mov eax, [store]
    cmp dword ptr [eax + 0x400], 2
    require e, "the store has an answer"
    cmp dword ptr [eax + 0x40C], 1
    require e, "of one character"
    cmp byte ptr [eax + 0x410], '1'
    require e, "the domain is number 1"
    say "xen: the store answers"

# A frame is given back and asked for again.
    mov eax, offset spare
    mov dword ptr [eax], 5
    shr eax, 12
    mov [frame], eax
    hypercall MEMORY_OP, 1, "offset reservation"
    cmp eax, 1
    require e, "a frame can be given back"
    hypercall MEMORY_OP, 6, "offset reservation"
    cmp eax, 1
    require e, "a frame can be had again"
    cmp dword ptr [spare], 0
    require e, "and holds nothing"
    say "xen: memory goes and comes"

    hypercall SCHED_OP, 2, "offset power_off"
failed:
    hypercall SCHED_OP, 2, "offset crash"
failed_silently:
    mov al, 1
    out 0xF4, al
    hlt

# ---- parts ----------------------------------------------------------------------------------------------------------------

# Interrupts are taken here.
let_in:
    sti
    nop
    nop
    cli
    ret

# An interrupt gate at EDI for EAX.
gate:
    mov [edi], ax
.ifdef WIDE
    mov word ptr [edi + 2], 0x18
.else
    mov word ptr [edi + 2], 0x08
.endif
    mov word ptr [edi + 4], 0x8E00
    shr eax, 16
    mov [edi + 6], ax
    ret

# A millisecond from now.
set_timer:
    hypercall HVM_OP, 10, "offset single"
    add dword ptr [single], 1000000
    adc dword ptr [single + 4], 0
    hypercall VCPU_OP, 8, 0, "offset single"
    ret

# Carry: the timer's moment is still to come.
is_past:
    hypercall HVM_OP, 10, "offset now"
    mov eax, [now]
    sub eax, [single]
    mov eax, [now + 4]
    sbb eax, [single + 4]
    ret

own_upcall:
    inc dword ptr [own_upcalls]
    mov dword ptr [own_end], 1
    jmp 1f
upcall:
    inc dword ptr [upcalls]
1:
.ifdef WIDE
    push rax
.else
    push eax
.endif
    mov byte ptr [shared], 0
    xor eax, eax
    xchg [shared + SELECTOR], eax
    xor eax, eax
    xchg [shared + PENDING], eax
    or [seen], eax
    xor eax, eax
    xchg [own_end], eax
    test eax, eax
    jz 2f
    mov eax, APIC_END_OF_INTERRUPT
    mov dword ptr [eax], 0
2:
.ifdef WIDE
    pop rax
    iretq
.else
    pop eax
    iretd
.endif

# ---- what the hypercalls are given --------------------------------------------------------------------------------------

    .macro pointer value
.ifdef WIDE
    .quad \value
.else
    .long \value
.endif
    .endm

    .section .rodata
ring_text:
    .ascii "ring: the console's ring is read\n"
ring_text_end:
request:
    .long 2, 7, 0, request_end - request - 16
    .asciz "domid"
request_end:

    .data
    .balign 8
gdt:
    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF, 0x00AF9B000000FFFF
gdt_register:
    .word gdt_register - gdt - 1
    .long gdt
    .balign 8
idt_register:
    .word (OWN_VECTOR + 1) * 2 * WIDTH - 1
    pointer idt
    .balign 8
parameter:
    .long SELF, 0, 0, 0
placement:
    .word SELF, 0
    .long 0
    pointer 0
    pointer 0
ipi:
    .long 0, 0
timer:
    .long 0, 0, 0
own_vector:
    .long 0, OWN_VECTOR
    .balign 8
poll:
    pointer console_port
    .long 1
    .balign WIDTH
poll_time:
    .quad 0
    .balign 8
reservation:
    pointer frame
    pointer 1
    .long 0, 0, SELF
    .balign 8
frame:
    pointer 0
power_off:
    .long 0
crash:
    .long 3

    .bss
    .balign 4096
hypercall_page: .skip 4096
shared: .skip 4096
spare: .skip 4096
top: .skip 4096
directories: .skip 4096
directory: .skip 4 * 4096
idt: .skip (OWN_VECTOR + 1) * 16
single: .skip 16
now: .skip 8
console: .skip 4
console_port: .skip 4
store: .skip 4
seen: .skip 4
upcalls: .skip 4
own_upcalls: .skip 4
own_end: .skip 4
    .balign 16
    .skip 4096
stack_end:
