package io.umbra.vmm.xen;

/**
 * A structure of a hypercall, gone through field by field in the caller's layout: each field at its natural alignment, where 64-bit numbers are aligned to a word, that is to 8 bytes for 64-bit callers and to
 * 4 for 32-bit ones. So one definition serves both. Xen: {@code compat/*.h}.
 */
public final class Structure {
    private final CallerMemory memory;
    private final long start;
    private long offset;

    Structure(CallerMemory memory, long linear) {
        this.memory = memory;
        this.start = linear;
    }

    /** Where the next field of so many bytes lies, to be written; the field counts as passed. */
    public long place(int bytes) {
        int alignment = Math.min(bytes, memory.wordBytes());
        long at = start + (offset + alignment - 1 & -alignment);
        offset = at - start + bytes;
        return at;
    }

    /** Where the next word lies, to be written. */
    public long wordPlace() {
        return place(memory.wordBytes());
    }

    /** Zero-extended, as all. */
    public int u16() {
        return memory.readShort(place(2)) & 0xFFFF;
    }

    public long u32() {
        return memory.readInt(place(4)) & 0xFFFF_FFFFL;
    }

    public long u64() {
        return memory.readLong(place(8));
    }

    /** {@code unsigned long}, a frame number or a pointer. */
    public long word() {
        return memory.readWord(wordPlace());
    }
}
