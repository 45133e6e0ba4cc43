package io.umbra.tools.matrix;

import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.Walk;

/** Answers by {@link DefinitionWalker} over a guest-physical memory that holds nothing but the case's entries, each in a table that can be written to or not. */
public final class Definition implements Subject {

    @Override
    public Answer answer(AccessCase accessCase, long[] entriesAfter) {
        Entries entries = new Entries(accessCase);
        Walk walk =
                DefinitionWalker.walk(accessCase.registers(), entries, accessCase.linear(), accessCase.access(), true);
        System.arraycopy(entries.values, 0, entriesAfter, 0, entriesAfter.length);
        return switch (walk) {
            case Walk.NonCanonical _ -> new Answer.Broken("the address of a case is not canonical");
            case Walk.Fault(int code, int _) -> new Answer.Fault(code);
            case Walk.Mapped page ->
                accessCase.isWrite() && accessCase.target() == Target.READ_ONLY
                        ? new Answer.Discarded()
                        : new Answer.Reached(page.guestPhysical() >>> 12);
        };
    }

    /** An account of the walk for people, in several lines. */
    static String explain(AccessCase accessCase) {
        return DefinitionWalker.explain(
                accessCase.registers(), new Entries(accessCase), accessCase.linear(), accessCase.access());
    }

    /** The entries of a path, each at its address; zero elsewhere. */
    private static final class Entries implements PhysicalMemory {
        private final int topTable;
        /** The write that would set A or D in them is lost, as any other. */
        private final int readOnlyTables;

        private final long[] addresses = new long[Path.LEVELS + 1];
        private final long[] values = new long[Path.LEVELS + 1];

        Entries(AccessCase accessCase) {
            Layout layout = accessCase.path().layout();
            readOnlyTables = accessCase.readOnlyTables();
            topTable = accessCase.mode().topTable();
            for (int level = accessCase.mode().levels(); level > 0; level--) {
                values[level] = accessCase.entry(level);
                addresses[level] = layout.entryAddress(level, accessCase.linear());
            }
        }

        private int levelAt(long guestPhysical) {
            for (int level = topTable; level > 0; level--) {
                if (addresses[level] == guestPhysical) {
                    return level;
                }
            }
            return 0;
        }

        @Override
        public int readInt(long guestPhysical) {
            return (int) values[levelAt(guestPhysical)];
        }

        @Override
        public long readLong(long guestPhysical) {
            return values[levelAt(guestPhysical)];
        }

        @Override
        public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
            return compareAndSetLong(guestPhysical, expected & 0xFFFF_FFFFL, value & 0xFFFF_FFFFL);
        }

        @Override
        public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
            int level = levelAt(guestPhysical);
            boolean same = level > 0 && values[level] == expected;
            boolean isWritable = (readOnlyTables >>> level & 1) == 0;
            if (same && isWritable) {
                values[level] = value;
            }
            return same;
        }
    }
}
