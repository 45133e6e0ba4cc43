# What runs in user mode: one page of the image, mapped a second time in the lower half.

.include "story.inc"

.section .user, "ax", @progbits
.balign 0x1000, 0xcc
.global user_page, user_tour, user_read, user_write, user_fetch, user_halt, user_permitted, user_forbidden, user_after_call

# What it sees goes to the page at RDI: CS, the word at GS:0, the result of a system call, RCX after it.
user_page:
user_tour:
    mov     eax, cs
    mov     [rdi], rax
    mov     rax, gs:[0]
    mov     [rdi + 8], rax
    push    rdi
    mov     eax, 41
    syscall
user_after_call:
    pop     rdi
    mov     [rdi + 16], rax
    mov     [rdi + 24], rcx
user_done:
    xor     eax, eax
    syscall
    ud2
user_read:
    mov     rax, [rdi]
    jmp     user_done
user_write:
    mov     byte ptr [rdi], 0x5a
    jmp     user_done
user_fetch:
    jmp     rdi
user_halt:
    hlt
    ud2
user_permitted:
    int     PERMITTED
    ud2
user_forbidden:
    int     PERMITTED + 1
    ud2
