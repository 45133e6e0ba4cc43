package io.umbra.tools.matrix;

import io.umbra.x86.LongModeEntry;
import java.util.ArrayList;
import java.util.List;

/**
 * The paths of one block of the matrix, numbered. A path has a leaf level, a target, and for each entry rights (R/W, U/S and, where there is one, NX), A, and in the leaf D.
 *
 * <p>Where a block does not vary A and D, they are drawn from the path's number: they decide nothing, but a shadow is another one without them.
 */
abstract sealed class Paths {
    /** A everywhere, and D. */
    static final long ALL_MARKS = -1;

    private static final int SPREAD = 0x9E37_79B9;

    final Layout layout;
    final MatrixMode mode;
    /** Bits of a number that say what one entry grants. */
    final int rightsBits;

    Paths(Layout layout) {
        this.layout = layout;
        this.mode = layout.mode;
        this.rightsBits = mode.hasNoExecute() ? 3 : 2;
    }

    abstract long count();

    abstract Path at(long number);

    /** Bit 0 is R/W, bit 1 U/S, bit 2 NX. */
    static long rights(long bits) {
        return ((bits & 1) != 0 ? LongModeEntry.WRITABLE : 0)
                | ((bits & 2) != 0 ? LongModeEntry.USER : 0)
                | ((bits & 4) != 0 ? LongModeEntry.NO_EXECUTE : 0);
    }

    /** Present entries down to the leaf, without any right, A or D. */
    final long[] bare(int leafLevel, Target target) {
        long[] entries = new long[Path.LEVELS + 1];
        if (mode == MatrixMode.PAE) {
            entries[3] = layout.pointer(layout.pathPointer());
        }
        for (int level = mode.topTable(); level > leafLevel; level--) {
            entries[level] = layout.link(level);
        }
        if (mode != MatrixMode.UNPAGED) {
            entries[leafLevel] = layout.leaf(leafLevel, target);
        }
        return entries;
    }

    /** Bit {@code level} is A of that entry, bit 0 is D of the leaf. */
    final void mark(long[] entries, int leafLevel, long marks) {
        for (int level = mode.topTable(); level >= leafLevel; level--) {
            entries[level] |= (marks >>> level & 1) != 0 ? LongModeEntry.ACCESSED : 0;
        }
        entries[leafLevel] |= (marks & 1) != 0 ? LongModeEntry.DIRTY : 0;
    }

    static int drawnMarks(long number) {
        return ((int) number * SPREAD) >>> 20;
    }

    /** Bits of a number for the rights that the entries beside one have in common; none where there is no other. */
    final int bitsOfOthers(int leafLevel) {
        return entries(leafLevel) > 1 ? rightsBits : 0;
    }

    /** Entries with rights on a path. */
    final int entries(int leafLevel) {
        return mode.topTable() - leafLevel + 1;
    }

    /** Without paging: one path for each target, with no entry on it. */
    static final class Unpaged extends Paths {
        Unpaged(Layout layout) {
            super(layout);
        }

        @Override
        long count() {
            return Target.OTHER_TABLE.ordinal();
        }

        @Override
        Path at(long number) {
            Target target = Target.values()[(int) number];
            return new Path(layout, 0, target, bare(0, target));
        }
    }

    /** All rights of all entries. */
    static final class AllRights extends Paths {
        private final int leafLevel;

        AllRights(Layout layout, int leafLevel) {
            super(layout);
            this.leafLevel = leafLevel;
        }

        @Override
        long count() {
            return 1L << rightsBits * entries(leafLevel);
        }

        @Override
        Path at(long number) {
            long[] entries = bare(leafLevel, Target.MEMORY);
            long left = number;
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= rights(left & (1 << rightsBits) - 1);
                left >>>= rightsBits;
            }
            mark(entries, leafLevel, drawnMarks(number));
            return new Path(layout, leafLevel, Target.MEMORY, entries);
        }
    }

    /** All A of all entries, D of the leaf, R/W of all entries; U/S is the same in all. */
    static final class AllMarks extends Paths {
        private final int leafLevel;

        AllMarks(Layout layout, int leafLevel) {
            super(layout);
            this.leafLevel = leafLevel;
        }

        @Override
        long count() {
            return 1L << 2 * entries(leafLevel) + 2;
        }

        @Override
        Path at(long number) {
            int used = entries(leafLevel);
            long[] entries = bare(leafLevel, Target.MEMORY);
            long user = (number >>> 2 * used + 1 & 1) << 1;
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= rights(number >>> used + level - leafLevel & 1 | user);
            }
            long dirty = number >>> 2 * used & 1;
            mark(entries, leafLevel, (number & (1L << used) - 1) << leafLevel | dirty);
            return new Path(layout, leafLevel, Target.MEMORY, entries);
        }
    }

    /**
     * One entry is absent, has one reserved bit, or has all bits that mean nothing. It has all rights; the other entries have all rights in common. A and D are drawn in one half, and set in the other: there the shadows
     * above the odd entry persist from case to case.
     *
     * <p>Absent and reserved entries end a walk before rights are looked at, and nothing below them is: so they are played with the leaf at level 1 (or as the leaf they are), and nothing below is varied.
     */
    static final class OddEntry extends Paths {
        private final int leafLevel;
        private final int oddLevel;
        /** What an absent entry may hold. */
        private final List<Long> absent;

        /** Bits beside the rights of a present entry. */
        private final List<Long> odd;

        OddEntry(Layout layout, int leafLevel, int oddLevel) {
            super(layout);
            this.leafLevel = leafLevel;
            this.oddLevel = oddLevel;
            this.absent = List.of(0L, mode.hasNoExecute() ? -2L : 0xFFFF_FFFEL);
            this.odd = oddBits();
        }

        /** Those that are ignored, all at once; then each that is reserved. */
        private List<Long> oddBits() {
            List<Long> found = new ArrayList<>();
            if (!isPointer()) {
                found.add(ignored());
                for (int bit = 0; bit < 63; bit++) {
                    if ((reserved() >>> bit & 1) != 0) {
                        found.add(1L << bit);
                    }
                }
            }
            return found;
        }

        /** The PDPTE registers of PAE paging cannot hold a reserved bit: loading one raises #GP. */
        private boolean isPointer() {
            return oddLevel > mode.topTable();
        }

        private boolean isLarge() {
            return oddLevel == leafLevel && leafLevel > 1;
        }

        /** Bits of the samples' reserved ranges: the ends of each, and PS where it may not be. */
        private long reserved() {
            return switch (mode) {
                case UNPAGED, TWO_LEVEL -> 0;
                case TWO_LEVEL_PSE -> isLarge() ? 1L << 21 : 0;
                case PAE -> 1L << 40 | 1L << 51 | 1L << 52 | 1L << 62 | (isLarge() ? 1L << 13 | 1L << 20 : 0);
                case FOUR_LEVEL, FIVE_LEVEL ->
                    1L << 40
                            | 1L << 51
                            | (oddLevel > 3 ? LongModeEntry.PAGE_SIZE : 0)
                            | (isLarge() ? 1L << 13 | 1L << 9 * oddLevel + 2 : 0);
            };
        }

        /** Bits that change no translation: cacheability, G, available ones, PAT, D above the leaf, and PS where it has no meaning. */
        private long ignored() {
            long everywhere =
                    LongModeEntry.WRITE_THROUGH | LongModeEntry.CACHE_DISABLE | LongModeEntry.GLOBAL | 7L << 9;
            long above = oddLevel > leafLevel ? LongModeEntry.DIRTY : 0;
            long pat = isLarge() ? LongModeEntry.LARGE_PAT : oddLevel == 1 ? LongModeEntry.PAT : 0;
            long size = mode == MatrixMode.TWO_LEVEL ? LongModeEntry.PAGE_SIZE : 0;
            long high = mode.paging().isLong() ? 0x7FFL << 52 : 0;
            return everywhere | above | pat | size | high;
        }

        @Override
        long count() {
            return 2 * half();
        }

        /** Of the cases in which the other entries' A and D are drawn, and of those in which they are set. */
        private long half() {
            return ((long) odd.size() << rightsBits) + absent.size() << bitsOfOthers();
        }

        private int bitsOfOthers() {
            return isPointer() ? rightsBits : bitsOfOthers(leafLevel);
        }

        @Override
        Path at(long number) {
            boolean isUsed = number >= half();
            long inHalf = isUsed ? number - half() : number;
            long others = inHalf & (1L << bitsOfOthers()) - 1;
            long rest = inHalf >>> bitsOfOthers();
            long present = (long) odd.size() << rightsBits;
            long[] entries = bare(leafLevel, Target.MEMORY);
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= level == oddLevel ? 0 : rights(others);
            }
            mark(entries, leafLevel, isUsed ? ALL_MARKS : drawnMarks(number));
            if (rest >= present) {
                entries[oddLevel] = absent.get((int) (rest - present));
            } else {
                entries[oddLevel] |= rights(rest & (1L << rightsBits) - 1) | odd.get((int) (rest >>> rightsBits));
            }
            return new Path(layout, leafLevel, Target.MEMORY, entries);
        }
    }

    /** The leaf maps something else than memory: all rights of the leaf, A, D; the other entries have all rights in common, and A where the leaf has it. */
    static final class OddTarget extends Paths {
        private static final int KINDS = Target.values().length - 1;

        private final int leafLevel;

        OddTarget(Layout layout, int leafLevel) {
            super(layout);
            this.leafLevel = leafLevel;
        }

        @Override
        long count() {
            return (long) KINDS << rightsBits + bitsOfOthers(leafLevel) + 2;
        }

        @Override
        Path at(long number) {
            int othersEnd = rightsBits + bitsOfOthers(leafLevel);
            long own = number & (1L << rightsBits) - 1;
            long others = number >>> rightsBits & (1L << bitsOfOthers(leafLevel)) - 1;
            long marks = number >>> othersEnd & 3;
            Target target = Target.values()[1 + (int) (number >>> othersEnd + 2)];
            long[] entries = bare(leafLevel, target);
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= rights(level == leafLevel ? own : others);
            }
            long above = ((marks & 1) != 0 ? ALL_MARKS : drawnMarks(number)) & -2L << leafLevel;
            mark(entries, leafLevel, above | (marks & 1) << leafLevel | marks >>> 1);
            return new Path(layout, leafLevel, target, entries);
        }
    }

    /**
     * Tables lie in read-only memory, one of them or all: where they do, A and D cannot be recorded, and the access goes on without. All A of all entries, D of the leaf, and R/W and U/S, which are the same in all.
     */
    static final class InReadOnlyMemory extends Paths {
        private final int leafLevel;

        InReadOnlyMemory(Layout layout, int leafLevel) {
            super(layout);
            this.leafLevel = leafLevel;
        }

        /** One table each, and all where that is another case. */
        private int choices() {
            int used = entries(leafLevel);
            return used == 1 ? 1 : used + 1;
        }

        private long marksAndRights() {
            return 1L << entries(leafLevel) + 3;
        }

        @Override
        long count() {
            return choices() * marksAndRights();
        }

        @Override
        Path at(long number) {
            int used = entries(leafLevel);
            int choice = (int) (number / marksAndRights());
            long bits = number % marksAndRights();
            int tables = choice == used ? (1 << used) - 1 : 1 << choice;
            long[] entries = bare(leafLevel, Target.MEMORY);
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= rights(bits & 3);
            }
            mark(entries, leafLevel, (bits >>> 3 & (1L << used) - 1) << leafLevel | bits >>> 2 & 1);
            return new Path(layout, leafLevel, Target.MEMORY, entries, tables << leafLevel);
        }
    }

    /** All entries have all rights in common. A and D are set everywhere, so that no access changes an entry. */
    static final class Used extends Paths {
        private final int leafLevel;

        Used(Layout layout, int leafLevel) {
            super(layout);
            this.leafLevel = leafLevel;
        }

        @Override
        long count() {
            return 1L << rightsBits;
        }

        @Override
        Path at(long number) {
            long[] entries = bare(leafLevel, Target.MEMORY);
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= rights(number);
            }
            mark(entries, leafLevel, ALL_MARKS);
            return new Path(layout, leafLevel, Target.MEMORY, entries);
        }
    }

    /** The leaf has one of three protection keys: R/W and U/S of the leaf, and of the others in common. Memory, and the table itself. */
    static final class Keyed extends Paths {
        private static final int[] KEYS = {0, 5, 15};

        private final int leafLevel;

        Keyed(Layout layout, int leafLevel) {
            super(layout);
            this.leafLevel = leafLevel;
        }

        @Override
        long count() {
            return KEYS.length * 32L;
        }

        @Override
        Path at(long number) {
            Target target = (number & 16) == 0 ? Target.MEMORY : Target.TABLE;
            long[] entries = bare(leafLevel, target);
            for (int level = mode.topTable(); level >= leafLevel; level--) {
                entries[level] |= rights(level == leafLevel ? number & 3 : number >>> 2 & 3);
            }
            entries[leafLevel] |= LongModeEntry.withKey(KEYS[(int) (number / 32)]);
            mark(entries, leafLevel, drawnMarks(number));
            return new Path(layout, leafLevel, target, entries);
        }
    }
}
