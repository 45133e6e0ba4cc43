# Frames and pagetables. A frame is known here by its address in the window; in entries and hypercalls it is known by its
# number in the machine, which the list of frames tells. The way back is the M2P.

.include "story.inc"

.text

# Takes a frame of the free ones below the image. Its address in the window in RAX; no other register changes.
.global take_frame
take_frame:
    mov     rax, [rip + next_free]
    cmp     rax, LAST_FREE
    ja      1f
    inc     qword ptr [rip + next_free]
    shl     rax, 12
    add     rax, KERNEL_BASE
    ret
1:  TEXT    rdi, "No frame is left. The story ends here."
    call    print_text
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# The machine address of the byte at RDI in the window. Only RAX and RDI change.
.global machine_address
machine_address:
    mov     rax, KERNEL_BASE
    sub     rdi, rax
    mov     rax, rdi
    shr     rax, 12
    and     edi, 0xfff
    push    rdi
    mov     rdi, [rip + machine_frames]
    mov     rax, [rdi + rax * 8]
    shl     rax, 12
    pop     rdi
    or      rax, rdi
    ret

# The address in the window of the frame that the entry RDI names. Only RAX and RDI change.
.global frame_of
frame_of:
    mov     rax, FRAME_MASK
    and     rdi, rax
    shr     rdi, 12
    mov     rax, MACHINE_TO_PHYS
    mov     rax, [rax + rdi * 8]
    shl     rax, 12
    mov     rdi, KERNEL_BASE
    add     rax, rdi
    ret

# The address in the window of the entry, of level ESI, that maps RDI in the kernel's tables; 0 where a table is missing.
.global find_entry
find_entry:
    push    rbx
    push    rbp
    push    r12
    mov     rbx, rdi
    mov     ebp, esi
    mov     rax, [rip + kernel_l4]
    mov     r12d, 4
1:  lea     ecx, [r12 + r12 * 8]                # of the index: 9 bits a level, from bit 12 on
    add     ecx, 3
    mov     rdx, rbx
    shr     rdx, cl
    and     edx, 511
    lea     rax, [rax + rdx * 8]
    cmp     r12d, ebp
    je      2f
    mov     rdi, [rax]
    test    edi, PRESENT
    jz      3f
    call    frame_of
    dec     r12d
    jmp     1b
3:  xor     eax, eax
2:  pop     r12
    pop     rbp
    pop     rbx
    ret

# The level-1 entry that maps RDI, in the window. Tables that are missing are made, each with RW and A but without US
# in the entry above it.
.global entry_at
entry_at:
    push    rbx
    push    rbp
    push    r12
    push    r13
    mov     rbx, rdi
    mov     ebp, 4
1:  mov     rdi, rbx
    mov     esi, ebp
    call    find_entry
    cmp     ebp, 1
    je      3f
    test    byte ptr [rax], PRESENT
    jnz     2f
    mov     r12, rax
    TAKE_FRAME r13
    mov     rdi, r13
    call    make_read_only
    ENTRY   rsi, r13, "PRESENT | WRITABLE | ACCESSED"
    mov     rdi, r12
    call    set_entry
    test    eax, eax
    jnz     4f
2:  dec     ebp
    jmp     1b
3:  pop     r13
    pop     r12
    pop     rbp
    pop     rbx
    ret
4:  TEXT    rdi, "A table is refused. The story ends here."
    call    print_text
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# Sets the entry at RDI in the window to RSI by MMU_UPDATE. RAX: 0 or an error.
.global set_entry
set_entry:
    push    rsi
    call    machine_address
    pop     rsi
    mov     rdi, rax

# One request of MMU_UPDATE: RDI machine address and kind, RSI value. RAX: 0 or an error.
.global update
update:
    mov     r10d, SELF

# The same for frames of the domain R10.
.global update_for
update_for:
    sub     rsp, 16
    mov     [rsp], rdi
    mov     [rsp + 8], rsi
    mov     rdi, rsp
    mov     esi, 1
    xor     edx, edx
    HYPERCALL MMU_UPDATE
    add     rsp, 16
    ret

# Maps RDI to the frame RSI of the window with the rights RDX. RAX: 0 or an error; RCX: the entry, in the window.
.global map_page
map_page:
    push    rbx
    push    r12
    mov     rbx, rdx
    mov     r12, rdi
    mov     rdi, rsi
    call    machine_address
    or      rbx, rax
    mov     rdi, r12
    call    entry_at
    mov     r12, rax
    mov     rdi, rax
    mov     rsi, rbx
    call    set_entry
    mov     rcx, r12
    pop     r12
    pop     rbx
    ret

# Takes the right to write to the frame at RDI away from the window, as a table's frame must be. RAX: 0 or an error.
.global make_read_only
make_read_only:
    mov     edx, PRESENT | ACCESSED
    jmp     1f

# Gives it back.
.global make_writable
make_writable:
    mov     edx, PRESENT | WRITABLE | ACCESSED | DIRTY
1:  push    rdi
    call    machine_address
    mov     rsi, rax
    or      rsi, rdx
    pop     rdi
    mov     edx, INVALIDATE
    HYPERCALL UPDATE_VA_MAPPING
    ret

# Tells the TLB to forget RDI.
.global invalidate_page
invalidate_page:
    mov     rsi, rdi
    mov     edi, INVALIDATE_PAGE

# One request of MMUEXT_OP: EDI command, RSI and RDX its arguments. RAX: 0 or an error.
.global extended
extended:
    sub     rsp, 24
    mov     [rsp], rdi
    mov     [rsp + 8], rsi
    mov     [rsp + 16], rdx
    mov     rdi, rsp
    mov     esi, 1
    xor     edx, edx
    mov     r10d, SELF
    HYPERCALL MMUEXT_OP
    add     rsp, 24
    ret

.data
.balign 8
next_free: .quad FIRST_FREE
