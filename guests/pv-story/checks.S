# The checks, and the end of the guest.

.include "story.inc"

.equ POWER_OFF,         0                       # reasons of SHUTDOWN
.equ CRASH,             3

.include "checks.inc"

# Ends the guest: by a power-off if EDI is 0, else as one that crashed.
.global end_guest
end_guest:
    mov     eax, POWER_OFF
    mov     ecx, CRASH
    test    edi, edi
    cmovnz  eax, ecx
    mov     [rip + shutdown_reason], eax
1:  mov     edi, SHUTDOWN
    lea     rsi, [rip + shutdown_reason]
    HYPERCALL SCHED_OP
    jmp     1b

.bss
.balign 4
shutdown_reason: .skip 4
