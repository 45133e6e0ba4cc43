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

# Prints the text at RDI up to its zero byte.
.global print_text
print_text:
    push    rbx
    mov     rbx, rdi
1:  movzx   edi, byte ptr [rbx]
    test    edi, edi
    jz      2f
    call    print_byte
    inc     rbx
    jmp     1b
2:  pop     rbx
    ret

.global print_newline
print_newline:
    mov     edi, 10
    jmp     print_byte

# Prints RDI in decimal.
.global print_decimal
print_decimal:
    mov     ecx, 10
    jmp     print_in_base

# Prints RDI in hexadecimal, without leading zeros, after 0x.
.global print_hexadecimal
print_hexadecimal:
    push    rdi
    TEXT    rdi, "0x"
    call    print_text
    pop     rdi
    mov     ecx, 16

# Prints RDI in base RCX. The digits come out last first, so they wait on the stack under a zero.
print_in_base:
    mov     rax, rdi
    push    0
1:  xor     edx, edx
    div     rcx
    lea     rsi, [rip + digits]
    movzx   edx, byte ptr [rsi + rdx]
    push    rdx
    test    rax, rax
    jnz     1b
2:  pop     rdi
    test    edi, edi
    jz      3f
    call    print_byte
    jmp     2b
3:  ret

# Prints the format at RDI: %d, %x and %s take the next of the quadwords at RSI.
.global print_format
print_format:
    push    rbx
    push    rbp
    mov     rbx, rdi
    mov     rbp, rsi
1:  movzx   edi, byte ptr [rbx]
    inc     rbx
    test    edi, edi
    jz      9f
    cmp     edi, '%'
    je      2f
    call    print_byte
    jmp     1b
2:  movzx   eax, byte ptr [rbx]
    inc     rbx
    mov     rdi, [rbp]
    add     rbp, 8
    lea     rdx, [rip + 1b]
    push    rdx                                 # whichever it is returns to the loop
    cmp     eax, 'd'
    je      print_decimal
    cmp     eax, 'x'
    je      print_hexadecimal
    jmp     print_text
9:  pop     rbp
    pop     rbx
    ret

# ---- The shapes of the story's lines ---------------------------------------------------------------------------------

# A heading: set off from what was before it.
.global tell_heading
tell_heading:
    push    rdi
    call    print_newline
    pop     rdi

# A line of explanation.
.global tell_story
tell_story:
    call    print_text
    jmp     print_newline

# A line of what was done: the format at RDI with the arguments at RSI.
.global tell_deed
tell_deed:
    push    rdi
    push    rsi
    TEXT    rdi, "  [guest]      "
    call    print_text
    pop     rsi
    pop     rdi
    call    print_format
    jmp     print_newline

.section .rodata
digits: .ascii  "0123456789abcdef"

.bss
.balign 8
.global column
column: .skip 4                                 # bytes printed since the last newline
