# Checks: counted as they are made, told at the chapter's end, summed up at the story's end.

.include "story.inc"

.equ KEPT,              32                      # failures that are kept for the summary; more are only counted
.equ FAILURE_SIZE,      24                      # what (a text), got, expected
.equ DEBUG_EXIT,        0xf4

.text

# Counts a check, and keeps it as a failure if RDI (got) is not RSI (expected). RDX: what was checked.
# Spares every register but RDI, RSI and RDX.
.global expect
expect:
    inc     qword ptr [rip + checks]
    cmp     rdi, rsi
    je      1f
    push    rax
    push    rcx
    mov     rax, [rip + failures]
    inc     qword ptr [rip + failures]
    cmp     rax, KEPT
    jae     2f
    imul    rax, rax, FAILURE_SIZE
    lea     rcx, [rip + failure_list]
    mov     [rcx + rax], rdx
    mov     [rcx + rax + 8], rdi
    mov     [rcx + rax + 16], rsi
2:  pop     rcx
    pop     rax
1:  ret

# Tells how the checks since the last call of this went.
.global tell_checks
tell_checks:
    TEXT    rdi, "  [checks]     "
    call    print_text
    mov     rdi, [rip + checks]
    mov     rax, rdi
    xchg    rax, [rip + checks_told]
    sub     rdi, rax
    push    rdi
    call    print_decimal
    pop     rdi
    mov     rdi, [rip + failures]
    mov     rax, rdi
    xchg    rax, [rip + failures_told]
    cmp     rax, rdi
    jne     1f
    TEXT    rdi, " made: ok"
    call    print_text
    jmp     print_newline
1:  push    rax
    sub     rdi, rax
    push    rdi
    TEXT    rdi, " made, FAILED: %d"
    mov     rsi, rsp
    call    print_format
    call    print_newline
    pop     rdi
    pop     rdi                                 # the first failure of this chapter

# Lists the kept failures from number RDI on.
list_failures:
    push    rbx
    mov     rbx, rdi
1:  cmp     rbx, [rip + failures]
    jae     2f
    cmp     rbx, KEPT
    jae     2f
    imul    rax, rbx, FAILURE_SIZE
    lea     rcx, [rip + failure_list]
    add     rcx, rax
    push    qword ptr [rcx + 16]
    push    qword ptr [rcx + 8]
    push    qword ptr [rcx]
    TEXT    rdi, "    FAILED: %s: got %x, expected %x"
    mov     rsi, rsp
    call    print_format
    call    print_newline
    add     rsp, 24
    inc     rbx
    jmp     1b
2:  pop     rbx
    ret

# Tells the sum of all checks, and ends the guest with the matching status.
.global end_story
end_story:
    call    print_newline
    cmp     qword ptr [rip + failures], 0
    jne     1f
    push    qword ptr [rip + checks]
    TEXT    rdi, "All %d checks passed."
    mov     rsi, rsp
    call    print_format
    call    print_newline
    xor     edi, edi
    jmp     end_guest
1:  push    qword ptr [rip + checks]
    push    qword ptr [rip + failures]
    TEXT    rdi, "%d of %d checks FAILED:"
    mov     rsi, rsp
    call    print_format
    call    print_newline
    xor     edi, edi
    call    list_failures
    mov     edi, 1

# Ends the guest by the debug exit with the value EDI: 0 is well. Where there is no such port, halts for good.
.global end_guest
end_guest:
    mov     eax, edi
    mov     dx, DEBUG_EXIT
    out     dx, al
1:  cli
    hlt
    jmp     1b

.bss
.balign 8
checks:         .skip 8
checks_told:    .skip 8
failures:       .skip 8
failures_told:  .skip 8
failure_list:   .skip KEPT * FAILURE_SIZE
