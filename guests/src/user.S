# What runs at CPL 3: one page of the image, mapped a second time in the lower half with the user right.
# Each routine makes one access to the address in RDI and goes back by the gate.

.include "story.inc"

.section .user, "ax", @progbits
.balign 0x1000, 0xcc
.global user_page, user_read, user_write, user_fetch, user_done
user_page:
user_read:
    mov     al, [rdi]
user_done:
    int     0x80
user_write:
    mov     byte ptr [rdi], 0x5a
    int     0x80
user_fetch:
    jmp     rdi
