# 64-bit code in an ELF file of 32 bits, as test suites are built for loaders that take no other: assembled and linked as
# 64-bit code, then put into the other container by objcopy. It makes its own pagetables and goes to long mode itself.

.include "multiboot.inc"

.equ PRESENT_WRITABLE,  0x3
.equ LARGE,             0x80
.equ CR0_PG,            1 << 31
.equ CR4_PAE,           1 << 5
.equ EFER,              0xc0000080
.equ EFER_LME,          1 << 8

.text
.code32
.global start
start:
    jmp     begin
    .balign 4
header:
    .long   HEADER_MAGIC, WANT_FRAMES | WANT_MEMORY, -(HEADER_MAGIC + (WANT_FRAMES | WANT_MEMORY))

begin:
    mov     esp, OFFSET stack_end
    mov     [magic], eax
    mov     [information], ebx
    mov     edi, OFFSET directory
    mov     eax, PRESENT_WRITABLE | LARGE
1:  mov     [edi], eax
    add     eax, 0x200000
    add     edi, 8
    cmp     edi, OFFSET directory + 4096
    jb      1b
    mov     dword ptr [directories], OFFSET directory + PRESENT_WRITABLE
    mov     dword ptr [root], OFFSET directories + PRESENT_WRITABLE
    mov     eax, CR4_PAE
    mov     cr4, eax
    mov     eax, OFFSET root
    mov     cr3, eax
    mov     ecx, EFER
    rdmsr
    or      eax, EFER_LME
    wrmsr
    mov     eax, cr0
    or      eax, CR0_PG
    mov     cr0, eax
    lgdt    [gdt_pointer]
    .byte   0xea
    .long   long_mode
    .word   8

.code64
.macro TEXT text:req
    .pushsection .rodata
.Ltext\@: .asciz "\text"
    .popsection
    lea     rsi, [rip + .Ltext\@]
    call    tell
.endm

.macro NUMBER text:req
    push    rax
    TEXT    "\text"
    pop     rax
    call    tell_number
.endm

long_mode:
    mov     eax, 16
    mov     ds, eax
    mov     es, eax
    mov     ss, eax
    lea     rsp, [rip + stack_end]
    CONSOLE_ON
    mov     eax, [rip + magic]
    NUMBER  "magic "
    mov     ecx, EFER
    rdmsr
    and     eax, 0xfff
    NUMBER  "\nefer "
    mov     eax, cs
    lar     eax, eax
    shr     eax, 21
    and     eax, 1
    NUMBER  "\ncs.l "
    movabs  r9, 0x123456789abcdef
    mov     rax, r9
    imul    rax, r9
    NUMBER  "\nproduct "
    xor     r8d, r8d
    lea     r10, [rip + .Lhere]
.Lhere:
    mov     rax, r10
    NUMBER  "\nrip "
    mov     ebx, [rip + information]
    TEXT    "\ncommand line "
    mov     esi, [rbx + INFO_COMMAND_LINE]
    call    tell
    mov     eax, [rbx + INFO_MODULES]
    NUMBER  "\nmodules "
    TEXT    "\n"
    LEAVE   0

tell:
    lodsb
    test    al, al
    jz      1f
    call    tell_character
    jmp     tell
1:  ret

tell_number:
    mov     ecx, 16
1:  rol     rax, 4
    mov     r8, rax
    and     eax, 15
    lea     r11, [rip + digits]
    mov     al, [r11 + rax]
    call    tell_character
    mov     rax, r8
    dec     ecx
    jnz     1b
    ret

tell_character:
    SEND
    ret

.section .rodata
digits: .ascii "0123456789abcdef"

.data
    .balign 8
gdt:
    .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word   gdt_pointer - gdt - 1
    .long   gdt

.bss
    .balign 4096
root:
    .skip   4096
directories:
    .skip   4096
directory:
    .skip   4096
    .skip   4096
stack_end:
magic:
    .skip   4
information:
    .skip   4
