# The guest's own pagetables: frames to make them of, and the walk that makes them.

.include "story.inc"

.equ FRAMES,            96

.text

# RAX = the physical address of a fresh frame, all zero, that the kernel window maps. Spares every other register.
.global take_frame
take_frame:
    mov     rax, [rip + next_frame]
    cmp     rax, OFFSET frames_end - KERNEL_BASE
    jae     1f
    add     qword ptr [rip + next_frame], 0x1000
    ret
1:  TEXT    rdi, "The guest has run out of frames: FRAMES in paging.S is too small."
    call    print_text
    mov     edi, 1
    jmp     end_guest

# RAX = where, in the kernel window, the entry lies that translates the linear address RDI at the level whose index
# begins at bit ESI, in the tables that CR3 holds. Tables above it that are not there are made, open to all accesses:
# the entry itself then says what is allowed.
.global entry_at
entry_at:
    mov     r8, cr3
    mov     r9d, L4_SHIFT
1:  mov     ecx, r9d
    mov     rdx, rdi
    shr     rdx, cl
    and     edx, 511                            # the index at this level
    and     r8, [rip + frame_mask]
    lea     r8, [r8 + rdx * 8 + KERNEL_BASE]    # the entry
    cmp     r9d, esi
    je      3f
    test    qword ptr [r8], PRESENT
    jnz     2f
    call    take_frame
    or      rax, PRESENT | WRITABLE | USER
    mov     [r8], rax
2:  mov     r8, [r8]
    sub     r9d, 9
    jmp     1b
3:  mov     rax, r8
    ret

.section .rodata
.balign 8
.global frame_mask
frame_mask: .quad FRAME_MASK

.data
.balign 8
next_frame: .quad frames - KERNEL_BASE

.bss
.balign 0x1000
frames:     .skip FRAMES * 0x1000
frames_end:
