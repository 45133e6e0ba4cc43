# What the hypervisor saw: Umbra's counters, read by hypercall.
#
# Umbra is there when CPUID leaf 0x40000000 answers "UmbraUmbraUm" in EBX, ECX, EDX. Then VMMCALL with RAX = 1 and
# RBX = the counter's number leaves in RAX its value since the start, or -1 if there is no such counter.

.include "story.inc"

.equ HYPERVISOR_LEAF,   0x40000000
.equ READ_COUNTER,      1
.equ LAST_COLUMN,       100

.text

# Looks whether Umbra is below, and remembers it.
.global find_umbra
find_umbra:
    push    rbx
    mov     eax, HYPERVISOR_LEAF
    cpuid
    mov     [rip + signature], ebx
    mov     [rip + signature + 4], ecx
    mov     [rip + signature + 8], edx
    xor     eax, eax
    cmp     ebx, 'U' | 'm' << 8 | 'b' << 16 | 'r' << 24
    jne     1f
    cmp     ecx, 'a' | 'U' << 8 | 'm' << 16 | 'b' << 24
    jne     1f
    cmp     edx, 'r' | 'a' << 8 | 'U' << 16 | 'm' << 24
    jne     1f
    inc     eax
1:  mov     [rip + umbra_is_here], rax
    pop     rbx
    ret

# Says once what the [hypervisor] lines will be, or why there are none.
.global tell_umbra
tell_umbra:
    cmp     qword ptr [rip + umbra_is_here], 0
    je      1f
    STORY   "Lines marked [hypervisor] give what it counted during a chapter, read by hypercall. Where the"
    STORY   "processor walks the guest's tables after all (nested paging), most of these counts stay 0."
    ret
1:  STORY   "CPUID leaf 0x40000000 does not say that this is Umbra, so there are no counters to show;"
    STORY   "the checks are the same."
    ret

# Reads all counters into the quadwords at RDI. Without Umbra they stay as they are.
.global read_counters
read_counters:
    cmp     qword ptr [rip + umbra_is_here], 0
    je      2f
    push    rbx
    xor     ebx, ebx
1:  mov     eax, READ_COUNTER
    vmmcall
    mov     [rdi + rbx * 8], rax
    inc     ebx
    cmp     ebx, COUNTERS
    jb      1b
    pop     rbx
2:  ret

# Tells how the counters changed between COUNT_FROM_HERE and COUNT_TO_HERE: faults always, those of the bit set EDI,
# and emulated writes if there were any.
.global tell_counters
tell_counters:
    cmp     qword ptr [rip + umbra_is_here], 0
    je      9f
    push    rbx
    push    rbp
    push    r12
    mov     ebp, edi

    TEXT    rdi, "  [hypervisor] "
    call    print_text
    mov     edi, HANDED_BACK
    call    change_of
    push    rax
    mov     edi, FILLED
    call    change_of
    push    rax
    mov     edi, FAULTS
    call    change_of
    push    rax
    TEXT    rdi, "faults %d: filled %d, handed back %d"
    mov     rsi, rsp
    call    print_format
    add     rsp, 24

    lea     rbx, [rip + labels]
1:  mov     rdi, [rbx]                          # a counter's number, then its label
    test    rdi, rdi
    js      8f
    call    change_of
    mov     r12, rax
    cmp     qword ptr [rbx], EMULATED_WRITES
    jne     2f
    test    rax, rax
    jnz     3f
2:  mov     rax, [rbx]
    bt      ebp, eax
    jnc     5f
    lea     rcx, [rip + counters_after]
    cmp     qword ptr [rcx + rax * 8], -1       # no such counter here
    je      5f

3:  TEXT    rdi, ";"
    call    print_text
    mov     rdi, [rbx + 8]
    mov     rsi, r12
    call    width_of_item
    add     eax, [rip + column]
    cmp     eax, LAST_COLUMN - 2                # there is a space before it, and a semicolon may follow
    TEXT    rdi, " "
    jbe     4f
    call    print_newline
    TEXT    rdi, "               "
4:  call    print_text
    mov     rdi, [rbx + 8]
    call    print_text
    mov     rdi, r12
    call    print_decimal
5:  add     rbx, 16
    jmp     1b

8:  pop     r12
    pop     rbp
    pop     rbx
    jmp     print_newline
9:  ret

# RAX = how many columns the label RDI with the number RSI takes.
width_of_item:
    xor     ecx, ecx
1:  inc     ecx
    cmp     byte ptr [rdi + rcx], 0
    jne     1b
    mov     rax, rsi
    mov     esi, 10
2:  inc     ecx                                 # a column for each digit
    xor     edx, edx
    div     rsi
    test    rax, rax
    jnz     2b
    mov     eax, ecx
    ret

# The change of counter RDI in RAX. How many shadow pages are in use now is a level, not a change.
change_of:
    lea     rcx, [rip + counters_after]
    mov     rax, [rcx + rdi * 8]
    cmp     rdi, SHADOWS_IN_USE
    je      1f
    lea     rcx, [rip + counters_before]
    sub     rax, [rcx + rdi * 8]
1:  ret

# Forgets what was counted before, so that the next tell_counters gives the whole run.
.global count_from_the_start
count_from_the_start:
    lea     rdi, [rip + counters_before]
    mov     ecx, COUNTERS
    xor     eax, eax
    rep stosq
    ret

# In the order in which they are told.
.section .rodata
.balign 8
.macro LABEL counter:req, text:req
    .pushsection .rodata.labels
9999:
    .asciz "\text"
    .popsection
    .quad   \counter, 9999b
.endm
labels:
    LABEL   EMULATED_WRITES,    "emulated writes "
    LABEL   DIRTY_FAULTS,       "dirty-bit faults "
    LABEL   SPLINTERS,          "splinter tables +"
    LABEL   L1_SHADOWS,         "L1 shadows +"
    LABEL   L2_SHADOWS,         "L2 shadows +"
    LABEL   L3_SHADOWS,         "L3 shadows +"
    LABEL   L4_SHADOWS,         "L4 shadows +"
    LABEL   SHADOWS_MADE,       "shadow pages made "
    LABEL   SHADOWS_DESTROYED,  "shadow pages destroyed "
    LABEL   SHADOWS_IN_USE,     "shadow pages in use "
    LABEL   WRITE_PROTECTED,    "frames write-protected "
    LABEL   UNSHADOWED,         "frames unshadowed "
    LABEL   CR3_LOADS,          "CR3 loads "
    LABEL   ROOTS_FOUND,        "roots found again "
    LABEL   TLB_FLUSHES,        "TLB flushes "
    LABEL   INVLPGS,            "INVLPG "
    LABEL   P2M_LOOKUPS,        "P2M look-ups "
    LABEL   INSTRUCTIONS,       "instructions "
    .quad   -1

.bss
.balign 8
.global counters_before, counters_after, umbra_is_here
counters_before:    .skip COUNTERS * 8
counters_after:     .skip COUNTERS * 8
umbra_is_here:      .skip 8
signature:          .skip 12
