# The story: its title, its chapters in order, its end.

.include "story.inc"

.text

.global tell_the_story
tell_the_story:
    # Chapter 1 has happened already. Its counters come before anything is printed.
    call    find_umbra
    COUNT_TO_HERE
    call    open_console
    call    tell_title
    call    chapter_1
    call    chapter_2
    call    chapter_3
    call    chapter_4
    call    chapter_5
    call    chapter_6
    call    chapter_7
    call    chapter_8
    call    chapter_9

    COUNT_TO_HERE
    call    count_from_the_start
    cmp     qword ptr [rip + umbra_is_here], 0
    je      end_story
    CHAPTER "The whole story in numbers"
    mov     edi, (1 << COUNTERS) - 1
    call    tell_counters
    jmp     end_story

tell_title:
    TEXT    rdi, "THE SHADOW STORY: what a hypervisor with shadow pagetables does for its guest"
    call    tell_heading
    STORY   "============================================================================="
    STORY   "This is a small 64-bit kernel. It builds pagetables, uses and abuses them, and checks what it gets."
    STORY   "Under shadow paging the processor never walks a guest's tables, for they hold the guest's frame"
    STORY   "numbers, and its memory lies in other frames of the machine. It walks the hypervisor's own tables,"
    STORY   "the shadows: for each table of the guest one with its entries, frame numbers translated, and never"
    STORY   "with more rights than the guest gave."
    STORY   "A shadow begins empty. An access that it does not translate yet is a page fault in the hypervisor,"
    STORY   "which walks the guest's tables in software, fills the gap, and has the instruction run again."
    jmp     tell_umbra
