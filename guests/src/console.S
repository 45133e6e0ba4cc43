# The console: a 16550 at COM1, polled, and the few formats that the story needs.

.include "story.inc"

.equ COM1,              0x3f8
.equ TRANSMIT_EMPTY,    1 << 5                  # in the line status register
.equ PATIENCE,          1 << 16                 # polls before a byte is sent regardless: a mute UART must not hang us

.text

# Sets COM1 to 115200 baud, 8N1, FIFOs on, interrupts off.
.global open_console
open_console:
    .macro PORT offset:req, value:req
    mov     dx, COM1 + \offset
    mov     al, \value
    out     dx, al
    .endm
    PORT    1, 0                                # no interrupts
    PORT    3, 0x80                             # DLAB: the next two are the divisor
    PORT    0, 1
    PORT    1, 0
    PORT    3, 0x03                             # 8 bits, no parity, one stop bit
    PORT    2, 0x07                             # FIFOs on and emptied
    PORT    4, 0x03                             # DTR, RTS
    ret

# Prints the byte in DIL and keeps count of the column.
.global print_byte
print_byte:
    mov     ecx, PATIENCE
    mov     dx, COM1 + 5
1:  in      al, dx
    test    al, TRANSMIT_EMPTY
    jnz     2f
    dec     ecx
    jnz     1b
2:  mov     dx, COM1
    mov     eax, edi
    out     dx, al
    inc     dword ptr [rip + column]
    cmp     al, 10
    jne     3f
    mov     dword ptr [rip + column], 0
3:  ret

.include "print.inc"

.bss
.balign 8
.global column
column: .skip 4                                 # bytes printed since the last newline
