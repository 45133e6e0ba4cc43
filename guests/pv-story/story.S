# The story: its title, its chapters in order, its end.

.include "story.inc"

.text

.global tell_the_story
tell_the_story:
    call    tell_title
    call    chapter_1
    call    chapter_2
    call    chapter_3
    call    chapter_4
    call    chapter_5
    call    chapter_6
    call    chapter_7
    call    chapter_8
    jmp     end_story

tell_title:
    TEXT    rdi, "THE PV STORY: what a guest is allowed that brings its own pagetables"
    call    print_text
    call    print_newline
    STORY   "===================================================================="
    STORY   "This is a small 64-bit kernel that knows it is a guest. No table of its own is translated for it:"
    STORY   "its entries hold the numbers of frames of the machine, and the processor walks them as they are. So"
    STORY   "none may be written before it was looked at. The hypervisor keeps, for each frame of the machine,"
    STORY   "an owner, a type and counts, and lets no frame be a pagetable and writable at the same time. Every"
    STORY   "change of an entry is a request that it audits, and may refuse."
    ret
