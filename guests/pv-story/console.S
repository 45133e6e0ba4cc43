# The console: the ring that the console's daemon reads, or, where there is none, the hypervisor's emergency console.

.include "story.inc"

.equ OUT,               0x400                   # in the ring's page
.equ OUT_BYTES,         2048
.equ OUT_CONSUMED,      0xc08
.equ OUT_PRODUCED,      0xc0c
.equ WRITE,             0                       # a command of CONSOLE_IO

.text

# Finds the ring: start_info has its mfn, the M2P its pfn, and all the first pfns are in the window.
.global open_console
open_console:
    mov     rax, [rip + start_info]
    mov     ecx, [rax + START_PORT]
    mov     [rip + console_port], ecx
    mov     rax, [rax + START_CONSOLE]
    test    rax, rax
    jz      1f
    mov     rcx, MACHINE_TO_PHYS
    mov     rax, [rcx + rax * 8]
    shl     rax, 12
    add     rax, KERNEL_BASE
    mov     [rip + console_ring], rax
1:  ret

# Prints the byte in DIL and keeps count of the column. The reader is told of whole lines.
.global print_byte
print_byte:
    mov     [rip + console_byte], dil
    mov     rdx, [rip + console_ring]
    test    rdx, rdx
    jz      3f
1:  mov     eax, [rdx + OUT_PRODUCED]
    mov     ecx, eax
    sub     ecx, [rdx + OUT_CONSUMED]
    cmp     ecx, OUT_BYTES
    jb      2f
    call    tell_reader
    mov     edi, YIELD
    xor     esi, esi
    HYPERCALL SCHED_OP
    mov     rdx, [rip + console_ring]
    jmp     1b
2:  mov     ecx, eax
    and     ecx, OUT_BYTES - 1
    mov     dil, [rip + console_byte]
    mov     [rdx + rcx + OUT], dil
    inc     eax
    mov     [rdx + OUT_PRODUCED], eax
    jmp     4f
3:  mov     edi, WRITE
    mov     esi, 1
    lea     rdx, [rip + console_byte]
    HYPERCALL CONSOLE_IO
4:  inc     dword ptr [rip + column]
    cmp     byte ptr [rip + console_byte], 10
    jne     5f
    mov     dword ptr [rip + column], 0
    cmp     qword ptr [rip + console_ring], 0
    jne     tell_reader
5:  ret

tell_reader:
    mov     edi, SEND
    lea     rsi, [rip + console_port]
    HYPERCALL EVENT_CHANNEL_OP
    ret

.include "print.inc"

.bss
.balign 8
console_ring:   .skip 8                         # in the window, or 0
console_port:   .skip 4
.global column
column:         .skip 4                         # bytes printed since the last newline
console_byte:   .skip 1
