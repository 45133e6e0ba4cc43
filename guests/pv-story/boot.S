# The notes by which a loader knows a PV kernel, and its first instructions.
#
# The contract at the entry (Xen's public header xen.h, "Start-of-day memory layout"): 64-bit code at CPL 3 on the initial
# pagetables, RSI the linear address of start_info, RSP the top of a boot stack of one page, events masked.

.include "story.inc"

# ---- Notes (Xen's public header elfnote.h) --------------------------------------------------------------------------

# The name's four bytes, and the value, padded to four.
.macro NOTE type:req, value:vararg
    .balign 4
    .long   4, 8888f - 8887f, \type
    .asciz  "Xen"
8887:
    \value
8888:
    .balign 4
.endm

.section .note.Xen, "a", @note
    NOTE    1, .quad pv_start                   # ENTRY
    NOTE    2, .quad hypercall_page             # HYPERCALL_PAGE: as kernels up to 6.1 have it
    NOTE    3, .quad KERNEL_BASE                # VIRT_BASE
    NOTE    4, .quad 0                          # PADDR_OFFSET
    NOTE    5, .asciz "xen-3.0"                 # XEN_VERSION
    NOTE    6, .asciz "pv-story"                # GUEST_OS
    NOTE    7, .asciz "1"                       # GUEST_VERSION
    NOTE    8, .asciz "generic"                 # LOADER
    NOTE    9, .asciz "yes"                     # PAE_MODE
    NOTE    10, .asciz "pae_pgdir_above_4gb"    # FEATURES
    NOTE    12, .quad MACHINE_TO_PHYS           # HV_START_LOW
    NOTE    13, .quad PRESENT, PRESENT          # L1_MFN_VALID: mask and value

# ---- The entry -------------------------------------------------------------------------------------------------------

.text
.global pv_start
pv_start:
    cld
    mov     [rip + start_info], rsi
    mov     [rip + boot_stack], rsp
    mov     [rip + boot_code], cs
    mov     [rip + boot_data], ss
    lea     rsp, [rip + kernel_stack_end]
    mov     rax, [rsi + START_LIST]
    mov     [rip + machine_frames], rax
    mov     rax, [rsi + START_TABLES]
    mov     [rip + kernel_l4], rax
    call    open_console
    call    open_shared_info
    call    install_traps
    jmp     tell_the_story

# Puts the page that is shared with the hypervisor in the place of shared_info, and masks all ports.
open_shared_info:
    mov     rax, [rip + start_info]
    mov     rsi, [rax + START_SHARED]
    or      rsi, PRESENT | WRITABLE | ACCESSED | DIRTY
    lea     rdi, [rip + shared_info]
    mov     edx, INVALIDATE
    HYPERCALL UPDATE_VA_MAPPING
    test    eax, eax
    jnz     1f
    lea     rdi, [rip + shared_info + PORTS_MASKED]
    mov     rax, -1
    mov     ecx, 64
    rep stosq
    ret
1:  TEXT    rdi, "shared_info cannot be mapped. The story ends here."
    call    print_text
    call    print_newline
    mov     edi, 1
    jmp     end_guest

# The hypervisor fills this page before the first instruction.
.section .hypercalls, "ax", @progbits
.balign 0x1000
.global hypercall_page
hypercall_page:
    .fill   0x1000, 1, 0xcc

.data
.balign 8
.global start_info, boot_stack, boot_code, boot_data, machine_frames, kernel_l4
start_info:     .quad 0
boot_stack:     .quad 0                         # RSP at the entry
boot_code:      .quad 0                         # CS at the entry
boot_data:      .quad 0                         # SS at the entry
machine_frames: .quad 0                         # the list of mfns, by pfn
kernel_l4:      .quad 0                         # in the window

.bss
.balign 0x1000
.global shared_info
shared_info:    .skip 0x1000                    # its frame is replaced
                .skip 0x4000
kernel_stack_end:
