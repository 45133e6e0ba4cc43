# A Multiboot guest of 32 bits that prints what it was started with.
#
# Lines that start with "machine:" tell what differs from one loader and machine to another; the rest must be the same under
# each. Assembled with ADDRESSES defined, the header says where the file goes, and the file needs to be no ELF file.

.include "multiboot.inc"

.ifdef ADDRESSES
.equ FLAGS, WANT_FRAMES | WANT_MEMORY | HAS_ADDRESSES
.else
.equ FLAGS, WANT_FRAMES | WANT_MEMORY
.endif

.text
.code32
.global start
start:
    jmp     begin
    .balign 4
header:
    .long   HEADER_MAGIC, FLAGS, -(HEADER_MAGIC + FLAGS)
    .long   header, image_start, image_end, bss_end, start

# Prints a text that is given where it is needed.
.macro TEXT text:req
    .pushsection .rodata
.Ltext\@: .asciz "\text"
    .popsection
    mov     esi, OFFSET .Ltext\@
    call    tell
.endm

# Prints a text and EAX, in hexadecimal.
.macro NUMBER text:req
    push    eax
    TEXT    "\text"
    pop     eax
    call    tell_number
.endm

# Prints a text, and whether a bit of EAX is set.
.macro BIT text:req, number:req
    push    eax
    TEXT    "\text"
    mov     eax, [esp]
    shr     eax, \number
    and     eax, 1
    add     al, '0'
    call    tell_character
    pop     eax
.endm

begin:
    mov     esp, OFFSET stack_end
    mov     ebp, ebx
    mov     ebx, eax
    pushfd
    pop     edi
    push    0
    popfd
    CONSOLE_ON
    mov     eax, ebx
    NUMBER  "magic "
    mov     eax, cr0
    BIT     "\ncr0.pe ", 0
    BIT     " cr0.pg ", 31
    mov     eax, edi
    BIT     " if ", 9
    BIT     " vm ", 17
    mov     dword ptr [0x1f0000], 0x12345678    # 1 MiB apart: the same byte if A20 is off
    mov     dword ptr [0x2f0000], 0x87654321
    xor     eax, eax
    cmp     dword ptr [0x1f0000], 0x12345678
    sete    al
    BIT     " a20 ", 0
    mov     esi, OFFSET cleared                 # by the loader, not by this guest
    mov     ecx, 4096
    xor     eax, eax
1:  or      al, [esi]
    inc     esi
    loop    1b
    NUMBER  "\nbss "
    TEXT    "\n"
    call    command_line
    call    modules
    mov     eax, [ebp + INFO_FLAGS]
    NUMBER  "machine: flags "
    TEXT    "\n"
    call    memory
    call    map
    call    loader
    call    sections
    LEAVE   0

command_line:
    test    dword ptr [ebp + INFO_FLAGS], HAS_COMMAND_LINE
    jz      1f
    TEXT    "command line "
    mov     esi, [ebp + INFO_COMMAND_LINE]
    call    tell
    TEXT    "\n"
1:  ret

modules:
    test    dword ptr [ebp + INFO_FLAGS], HAS_MODULES
    jz      4f
    mov     ebx, [ebp + INFO_MODULES]
    mov     eax, ebx
    NUMBER  "modules "
    TEXT    "\n"
    mov     edi, [ebp + INFO_MODULES + 4]
1:  test    ebx, ebx
    jz      4f
    TEXT    "module "
    mov     esi, [edi + 8]
    call    tell
    mov     eax, [edi]
    and     eax, 0xfff
    NUMBER  ": in frame "
    mov     eax, [edi + 4]
    sub     eax, [edi]
    NUMBER  " bytes "
    xor     eax, eax
    mov     esi, [edi]
2:  cmp     esi, [edi + 4]
    jae     3f
    movzx   ecx, byte ptr [esi]
    rol     eax, 1
    xor     eax, ecx
    inc     esi
    jmp     2b
3:  NUMBER  " sum "
    xor     eax, eax
    cmp     dword ptr [edi], OFFSET bss_end
    setae   al
    BIT     " behind the kernel ", 0
    TEXT    "\n"
    add     edi, 16
    dec     ebx
    jmp     1b
4:  ret

memory:
    test    dword ptr [ebp + INFO_FLAGS], HAS_MEMORY
    jz      1f
    mov     eax, [ebp + INFO_MEMORY]
    NUMBER  "machine: memory "
    mov     eax, [ebp + INFO_MEMORY + 4]
    NUMBER  " "
    TEXT    "\n"
1:  ret

map:
    test    dword ptr [ebp + INFO_FLAGS], HAS_MAP
    jz      2f
    mov     edi, [ebp + INFO_MAP + 4]
    mov     ebx, [ebp + INFO_MAP]
    add     ebx, edi
1:  cmp     edi, ebx
    jae     2f
    mov     eax, [edi + 8]
    NUMBER  "machine: range "
    mov     eax, [edi + 4]
    call    tell_number
    mov     eax, [edi + 16]
    NUMBER  " "
    mov     eax, [edi + 12]
    call    tell_number
    mov     eax, [edi + 20]
    NUMBER  " type "
    TEXT    "\n"
    add     edi, [edi]                          # the size does not count itself
    add     edi, 4
    jmp     1b
2:  ret

loader:
    test    dword ptr [ebp + INFO_FLAGS], HAS_LOADER
    jz      1f
    TEXT    "machine: loader "
    mov     esi, [ebp + INFO_LOADER]
    call    tell
    TEXT    "\n"
1:  ret

# The names of the sections, which lie in a section that no segment loads.
sections:
    test    dword ptr [ebp + INFO_FLAGS], HAS_SECTIONS
    jz      2f
    mov     ebx, [ebp + INFO_SECTIONS]
    mov     edi, [ebp + INFO_SECTIONS + 8]
    mov     eax, [ebp + INFO_SECTIONS + 12]
    mul     dword ptr [ebp + INFO_SECTIONS + 4]
    mov     eax, [edi + eax + 12]
    mov     [names], eax
1:  mov     eax, [edi + 20]
    NUMBER  "machine: section of "
    TEXT    " bytes "
    mov     esi, [edi]
    add     esi, [names]
    call    tell
    TEXT    "\n"
    add     edi, [ebp + INFO_SECTIONS + 4]
    dec     ebx
    jnz     1b
2:  ret

# Sends the text at ESI.
tell:
    lodsb
    test    al, al
    jz      1f
    call    tell_character
    jmp     tell
1:  ret

tell_number:
    mov     ecx, 8
1:  rol     eax, 4
    push    eax
    and     eax, 15
    mov     al, [digits + eax]
    call    tell_character
    pop     eax
    loop    1b
    ret

tell_character:
    SEND
    ret

.section .rodata
digits: .ascii "0123456789abcdef"

.bss
    .balign 16
    .skip   4096
stack_end:
cleared:
    .skip   4096
names:
    .skip   4
