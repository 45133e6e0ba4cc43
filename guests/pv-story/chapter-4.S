# Chapter 4: stores to an L1 as if it were memory (VMASST_TYPE_writable_pagetables).

.include "story.inc"

.equ PAGE,              CHAPTER_4
.equ ENABLE,            0                       # a command of VM_ASSIST
.equ WRITABLE_TABLES,   2                       # a type of VM_ASSIST
.equ LOW_BITS,          0xfff
.equ FIRST_VALUE,       0x4444000000000001
.equ SECOND_VALUE,      0x4444000000000002

.text

.global chapter_4
chapter_4:
    SAVE_CALLERS
    CHAPTER "Chapter 4. Stores that are caught"
    STORY   "Rewriting a kernel's every assignment to an entry is much to ask. So a guest may have the hypervisor"
    STORY   "catch them: the store faults, for the table is read-only; the instruction is emulated up to what it"
    STORY   "would store; that is audited like a request. A byte of an entry counts as the entry it would make."
    STORY   "What the audit refuses is handed back as the page fault that it was. This is for L1 tables only."

    TAKE_FRAME rbp
    mov     rax, FIRST_VALUE
    mov     [rbp], rax
    MAP     PAGE, rbp, PRESENT
    EXPECT  "result of mapping a page read-only", rax, 0
    mov     r12, rcx                            # its entry, in the window, read-only
    mov     rbx, PAGE

    # Before the guest has asked for it.
    mov     r13, [r12]
    mov     rdi, r12
    xor     esi, esi
    call    probe_write
    mov     r14, rax
    EXPECT  "error code of a store to an L1", rax, "FAULT_PRESENT | FAULT_WRITE"
    EXPECT  "CR2 of that store", [rip+fault_address], r12
    EXPECT  "the entry after that store", [r12], r13
    mov     edi, ENABLE
    mov     esi, WRITABLE_TABLES
    HYPERCALL VM_ASSIST
    EXPECT  "result of asking for writable tables", rax, 0
    TELL    "a store to an L1 before it asked for the assist: page fault, code %x", r14
    mov     r15, [rip + faults]

    # Eight bytes. The entry is what the audit makes of them.
    ENTRY   rax, rbp, "PRESENT | WRITABLE"
    mov     [r12], rax
    ENTRY   r13, rbp, "PRESENT | WRITABLE | USER | KERNELS_OWN"
    mov     r14, [r12]
    EXPECT  "the entry after a store of 8 bytes", r14, r13
    mov     rdi, rbx
    call    invalidate_page
    mov     rax, SECOND_VALUE
    mov     [rbx], rax
    EXPECT  "what was stored through that entry", [rbp], rax
    shr     r14, 52
    TELL    "then, 8 bytes: stored, and as audited (bits 63..52: %x); the page takes a write", r14

    # One byte takes RW away, four bytes put NX in.
    mov     byte ptr [r12], PRESENT | USER
    mov     r13, [r12]
    and     r13d, LOW_BITS
    EXPECT  "the entry after a store of 1 byte", r13, "PRESENT | USER"
    mov     eax, [r12 + 4]
    or      eax, 1 << 31
    mov     [r12 + 4], eax
    ENTRY   rsi, rbp, "PRESENT | USER | KERNELS_OWN | NO_EXECUTE"
    EXPECT  "the entry after a store of 4 bytes", [r12], rsi
    mov     r14, [r12]
    shr     r14, 52
    mov     rdi, rbx
    call    invalidate_page
    EXPECT  "faults while the tables were written to", [rip+faults], r15
    mov     rdi, rbx
    xor     esi, esi
    call    probe_write
    EXPECT  "error code of a write to the page, whose RW is gone", rax, "FAULT_PRESENT | FAULT_WRITE"
    EXPECT  "the page after that write", [rbp], SECOND_VALUE
    TELL    "1 byte clears RW, 4 bytes set NX: bits %x, %x above; a write faults, code %x", r13, r14, rax

    # Compare and exchange: with what is there, and with something else.
    mov     r15, [rip + faults]
    mov     rax, [r12]
    ENTRY   rcx, rbp, "PRESENT | WRITABLE"
    mov     rax, [r12]
    mov     r14, rax
    lock cmpxchg [r12], rcx
    sete    cl
    movzx   ecx, cl
    EXPECT  "ZF of CMPXCHG with the right value", rcx, 1
    EXPECT  "RAX of CMPXCHG with the right value", rax, r14
    ENTRY   r13, rbp, "PRESENT | WRITABLE | USER | KERNELS_OWN"
    EXPECT  "the entry after CMPXCHG", [r12], r13
    mov     eax, 12345
    xor     ecx, ecx
    lock cmpxchg [r12], rcx
    setne   cl
    movzx   r14d, cl
    EXPECT  "NZ of CMPXCHG with a wrong value", r14, 1
    EXPECT  "RAX of CMPXCHG with a wrong value", rax, r13
    EXPECT  "the entry after CMPXCHG with a wrong value", [r12], r13

    # Exchange, and the bit instruction by which kernels protect a page.
    xor     eax, eax
    xchg    [r12], rax
    EXPECT  "RAX of XCHG with an entry", rax, r13
    EXPECT  "the entry after XCHG with 0", [r12], 0
    mov     [r12], r13
    lock btr qword ptr [r12], 1
    setc    cl
    movzx   r14d, cl
    EXPECT  "CF of BTR of RW", r14, 1
    mov     rcx, r13
    and     rcx, ~WRITABLE
    EXPECT  "the entry after BTR of RW", [r12], rcx
    EXPECT  "faults during CMPXCHG, XCHG, BTR", [rip+faults], r15
    mov     r14, [r12]
    and     r14d, LOW_BITS
    mov     rdi, rbx
    call    invalidate_page
    TELL    "LOCK CMPXCHG, XCHG and LOCK BTR do what they do to memory; low bits now %x", r14

    # Refused: the L4, writable; and half of an entry that would be one.
    mov     r13, [r12]
    ENTRY   rsi, "[rip + kernel_l4]", "PRESENT | WRITABLE"
    mov     rdi, r12
    call    probe_write
    mov     r14, rax
    EXPECT  "error code of a store that maps the L4 writable", rax, "FAULT_PRESENT | FAULT_WRITE"
    EXPECT  "CR2 of that store", [rip+fault_address], r12
    lea     rcx, [rip + probe_write_instruction]
    EXPECT  "RIP of that store", [rip+fault_rip], rcx
    EXPECT  "the entry after that store", [r12], r13
    TELL    "a store that would map its L4 writable: the entry stays; page fault, code %x", r14

    # An L2 is not written to in this way.
    mov     rdi, rbx
    mov     esi, 2
    call    find_entry
    mov     r12, rax
    mov     r13, [r12]
    mov     rdi, r12
    xor     esi, esi
    call    probe_write
    mov     r14, rax
    EXPECT  "error code of a store to an L2", rax, "FAULT_PRESENT | FAULT_WRITE"
    EXPECT  "the L2 entry after that store", [r12], r13
    TELL    "a store to an L2: page fault, code %x", r14
    VERDICT
    RESTORE_CALLERS
    ret
