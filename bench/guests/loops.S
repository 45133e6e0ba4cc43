# The loops that only compute: written in assembly, so that every machine executes the same instructions whatever compiler
# there is. Each takes its number of repetitions in rdi and returns a checksum in rax.

    .intel_syntax noprefix
    .equ    SIEVE, 1 << 20  # bytes; used below its definition it would be an address
    .equ    COPY, 1 << 16   # bytes
    .text

# Ten instructions a repetition, each on what the ones before it made.
    .globl loop_alu
loop_alu:
    mov     rax, 1
    mov     rcx, 0x9e3779b97f4a7c15
    mov     rdx, 7
1:  add     rax, rcx
    xor     rdx, rax
    mov     rsi, rdx
    shr     rsi, 13
    add     rdx, rsi
    lea     rax, [rax + rdx * 4 + 5]
    rol     rcx, 7
    sub     rcx, rdx
    dec     rdi
    jnz     1b
    xor     rax, rcx
    ret

# The sieve of Eratosthenes over bytes; counts the primes below its size.
    .globl loop_sieve
loop_sieve:
    push    rbx
    xor     eax, eax
    lea     r8, buffer[rip]
1:  mov     rcx, SIEVE / 8              # all may be primes
    mov     rbx, 0x0101010101010101
    mov     rsi, r8
2:  mov     [rsi], rbx
    add     rsi, 8
    dec     rcx
    jnz     2b
    mov     rcx, 2
3:  cmp     byte ptr [r8 + rcx], 0
    je      5f
    inc     rax
    mov     rdx, rcx
    imul    rdx, rcx
    cmp     rdx, SIEVE
    jae     5f
4:  mov     byte ptr [r8 + rdx], 0      # the inner loop: four instructions
    add     rdx, rcx
    cmp     rdx, SIEVE
    jb      4b
5:  inc     rcx
    cmp     rcx, SIEVE
    jb      3b
    dec     rdi
    jnz     1b
    pop     rbx
    ret

# Fibonacci's number of rdi by two recursive calls: stack, calls and returns.
    .globl loop_fib
loop_fib:
    cmp     rdi, 2
    jb      1f
    push    rbx
    push    rdi
    dec     rdi
    call    loop_fib
    mov     rbx, rax
    pop     rdi
    sub     rdi, 2
    call    loop_fib
    add     rax, rbx
    pop     rbx
    ret
1:  mov     rax, rdi
    ret

# Copies 64 KiB, sixteen bytes an instruction, as C libraries do.
    .globl loop_memcpy
loop_memcpy:
    lea     rax, buffer[rip]
1:  mov     rsi, rax
    lea     rdx, [rax + COPY]
    mov     rcx, COPY / 64
2:  movups  xmm0, [rsi]
    movups  xmm1, [rsi + 16]
    movups  xmm2, [rsi + 32]
    movups  xmm3, [rsi + 48]
    movups  [rdx], xmm0
    movups  [rdx + 16], xmm1
    movups  [rdx + 32], xmm2
    movups  [rdx + 48], xmm3
    add     rsi, 64
    add     rdx, 64
    dec     rcx
    jnz     2b
    dec     rdi
    jnz     1b
    mov     rax, [rax + COPY]
    ret

# The same by one string instruction, as kernels do.
    .globl loop_memcpy_rep
loop_memcpy_rep:
    lea     rax, buffer[rip]
    mov     rdx, rdi
1:  mov     rsi, rax
    lea     rdi, [rax + COPY]
    mov     rcx, COPY / 8
    rep     movsq
    dec     rdx
    jnz     1b
    mov     rax, [rax + COPY]
    ret

# Linux enters a program with its arguments on the stack.
    .globl _start
_start:
    mov     rdi, rsp
    and     rsp, -16
    call    start
    ud2

    .bss
    .balign 4096
buffer:
    .skip   SIEVE

    .section .note.GNU-stack, "", @progbits
