package io.umbra.tools.matrix;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;

/** A stand-in for an engine: right in everything but one thing, which it overlooks. */
enum PlantedDefect implements Subject {
    NO_EXECUTE_IGNORED(MatrixMode.PAE) {
        @Override
        AccessCase seen(AccessCase real) {
            return hasNoExecute(real) ? without(real, LongModeEntry.NO_EXECUTE) : real;
        }
    },
    NO_EXECUTE_NEVER_RESERVED(MatrixMode.FOUR_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            return hasNoExecute(real) ? real : without(real, LongModeEntry.NO_EXECUTE);
        }
    },
    USER_IGNORED_AT_LEVEL_3(MatrixMode.FOUR_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            return real.with(real.registers(), real.path().with(3, LongModeEntry.USER, 0), real.access());
        }
    },
    WRITABLE_IGNORED_AT_LEVEL_5(MatrixMode.FIVE_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            return real.with(real.registers(), real.path().with(5, LongModeEntry.WRITABLE, 0), real.access());
        }
    },
    PAGE_SIZE_IGNORED_AT_LEVEL_4(MatrixMode.FOUR_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            return real.with(real.registers(), real.path().with(4, 0, LongModeEntry.PAGE_SIZE), real.access());
        }
    },
    PAGE_SIZE_HEEDED_WITHOUT_PSE(MatrixMode.TWO_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            return withCr4(real, real.registers().cr4() | Cr4.PAGE_SIZE_EXTENSIONS);
        }
    },
    RESERVED_BIT_OF_LARGE_PAGE_IGNORED(MatrixMode.TWO_LEVEL_PSE) {
        @Override
        AccessCase seen(AccessCase real) {
            return real.leafLevel() == 2
                    ? real.with(real.registers(), real.path().with(2, 0, 1L << 21), real.access())
                    : real;
        }
    },
    RESERVED_ADDRESS_IGNORED(MatrixMode.PAE) {
        @Override
        AccessCase seen(AccessCase real) {
            return without(real, 1L << 51);
        }
    },
    WRITE_PROTECT_ALWAYS_ON(MatrixMode.TWO_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            PagingRegisters is = real.registers();
            return real.with(
                    registers(is, is.cr0() | Cr0.WRITE_PROTECT, is.cr4(), is.alignmentCheck(), is.pkru()),
                    real.path(),
                    real.access());
        }
    },
    SMEP_IGNORED(MatrixMode.PAE) {
        @Override
        AccessCase seen(AccessCase real) {
            return withCr4(real, real.registers().cr4() & ~Cr4.SMEP);
        }
    },
    SMAP_IGNORES_AC(MatrixMode.FOUR_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            PagingRegisters is = real.registers();
            return real.with(registers(is, is.cr0(), is.cr4(), false, is.pkru()), real.path(), real.access());
        }
    },
    IMPLICIT_TAKEN_FOR_EXPLICIT(MatrixMode.TWO_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            return real.with(real.registers(), real.path(), real.access() & ~PageFaultCode.IMPLICIT);
        }
    },
    KEYS_NEVER_DENY_WRITES(MatrixMode.FIVE_LEVEL) {
        @Override
        AccessCase seen(AccessCase real) {
            PagingRegisters is = real.registers();
            return real.with(
                    registers(is, is.cr0(), is.cr4(), is.alignmentCheck(), is.pkru() & 0x5555_5555),
                    real.path(),
                    real.access());
        }
    },
    KEYS_DENY_OUTSIDE_LONG_MODE(MatrixMode.PAE) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            boolean isKeyed = (real.registers().cr4() & Cr4.PROTECTION_KEYS) != 0;
            boolean isUserPage = (real.entry(1) & real.entry(2) & LongModeEntry.USER) != 0;
            return isKeyed && isUserPage && right instanceof Answer.Reached
                    ? new Answer.Fault(PageFaultCode.PRESENT | PageFaultCode.PROTECTION_KEY)
                    : right;
        }
    },
    ACCESSED_FORGOTTEN_AT_LEVEL_2(MatrixMode.FOUR_LEVEL) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            after[2] = real.entry(2) & LongModeEntry.ACCESSED | after[2] & ~LongModeEntry.ACCESSED;
            return right;
        }
    },
    DIRTY_FORGOTTEN_IN_LARGE_PAGES(MatrixMode.FOUR_LEVEL) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            if (real.leafLevel() > 1) {
                after[real.leafLevel()] &= real.entry(real.leafLevel()) | ~LongModeEntry.DIRTY;
            }
            return right;
        }
    },
    DIRTY_SET_BY_READS(MatrixMode.TWO_LEVEL) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            if (right instanceof Answer.Reached) {
                after[1] |= LongModeEntry.DIRTY;
            }
            return right;
        }
    },
    ACCESSED_SET_BY_REFUSED_ACCESSES(MatrixMode.FOUR_LEVEL) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            after[4] |= LongModeEntry.isPresent(real.entry(4)) ? LongModeEntry.ACCESSED : 0;
            return right;
        }
    },
    ACCESSED_SET_IN_READ_ONLY_TABLES(MatrixMode.FOUR_LEVEL) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            boolean isReadOnly = (real.readOnlyTables() >>> real.leafLevel() & 1) != 0;
            after[real.leafLevel()] |= isReadOnly && right instanceof Answer.Reached ? LongModeEntry.ACCESSED : 0;
            return right;
        }
    },
    READ_ONLY_TABLES_END_THE_WALK(MatrixMode.PAE) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            boolean cannotMark = real.readOnlyTables() != 0 && !LongModeEntry.isAccessed(real.entry(2));
            return cannotMark && right instanceof Answer.Reached ? new Answer.Discarded() : right;
        }
    },
    WRITE_REPORTED_FOR_USERS_ONLY(MatrixMode.TWO_LEVEL_PSE) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            boolean isUser = (real.access() & PageFaultCode.USER) != 0;
            return right instanceof Answer.Fault(int code) && !isUser
                    ? new Answer.Fault(code & ~PageFaultCode.WRITE)
                    : right;
        }
    },
    FETCH_ALWAYS_REPORTED(MatrixMode.TWO_LEVEL) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            return right instanceof Answer.Fault(int code)
                    ? new Answer.Fault(code | real.access() & PageFaultCode.FETCH)
                    : right;
        }
    },
    READ_ONLY_MEMORY_WRITTEN(MatrixMode.UNPAGED) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            return right instanceof Answer.Discarded ? new Answer.Reached(real.linear() >>> 12) : right;
        }
    },
    HIGH_ADDRESS_OF_LARGE_PAGE_LOST(MatrixMode.TWO_LEVEL_PSE) {
        @Override
        Answer said(AccessCase real, Answer right, long[] after) {
            return right instanceof Answer.Reached(long gfn) ? new Answer.Reached(gfn & 0xF_FFFF) : right;
        }
    };

    private final MatrixMode mode;

    PlantedDefect(MatrixMode mode) {
        this.mode = mode;
    }

    /** In which it must be found. */
    MatrixMode mode() {
        return mode;
    }

    /** What the stand-in takes the case for. */
    AccessCase seen(AccessCase real) {
        return real;
    }

    /** What it makes of the right answer. */
    Answer said(AccessCase real, Answer right, long[] after) {
        return right;
    }

    @Override
    public Answer answer(AccessCase real, long[] after) {
        AccessCase seen = seen(real);
        Answer answer = new Definition().answer(seen, after);
        for (int level = 1; level < after.length; level++) {
            after[level] =
                    after[level] & ~(real.entry(level) ^ seen.entry(level)) | real.entry(level) & ~seen.entry(level);
        }
        return said(real, answer, after);
    }

    private static boolean hasNoExecute(AccessCase real) {
        return (real.registers().efer() & Efer.NO_EXECUTE) != 0;
    }

    private static AccessCase without(AccessCase real, long bits) {
        Path path = real.path();
        for (int level = real.mode().topTable(); level >= real.leafLevel(); level--) {
            path = path.with(level, 0, bits);
        }
        return real.with(real.registers(), path, real.access());
    }

    private static AccessCase withCr4(AccessCase real, long cr4) {
        PagingRegisters is = real.registers();
        return real.with(registers(is, is.cr0(), cr4, is.alignmentCheck(), is.pkru()), real.path(), real.access());
    }

    private static PagingRegisters registers(PagingRegisters is, long cr0, long cr4, boolean alignmentCheck, int pkru) {
        return new PagingRegisters(
                cr0,
                is.cr3(),
                cr4,
                is.efer(),
                is.pdpte(),
                alignmentCheck,
                pkru,
                is.maxPhysicalAddress(),
                is.gigabytePages(),
                is.pse36());
    }
}
