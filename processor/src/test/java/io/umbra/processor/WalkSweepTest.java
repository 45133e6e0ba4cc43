package io.umbra.processor;

import static io.umbra.x86.PageFaultCode.FETCH;
import static io.umbra.x86.PageFaultCode.IMPLICIT;
import static io.umbra.x86.PageFaultCode.USER;
import static io.umbra.x86.PageFaultCode.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.Efer;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Walk;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random tables in every format: what the walker answers and marks is what the definition answers and marks. */
class WalkSweepTest {
    private static final int SEEDS = 40, TABLES_A_SEED = 8, WALKS_A_TABLE = 40;

    /** Tables lie in frames 1 to here; entries name these frames, and aligned ones for large pages. */
    private static final int TABLE_FRAMES = 8;
    /** What exists of guest-physical memory, or of machine memory under shadows. */
    private static final long FRAMES = 2560;

    private static final long P2M_ROOT = 2 * FRAMES;
    private static final long MACHINE_FRAMES = P2M_ROOT + 16;
    private static final int[] ACCESSES = {0, WRITE, FETCH, USER, USER | WRITE, USER | FETCH, IMPLICIT, IMPLICIT | WRITE
    };
    private static final long[] LEAVES = {0, 512, 1024, 1536, 2048};

    private enum Format {
        SHADOW_4(4, false),
        SHADOW_5(5, false),
        SHADOW_PAE(2, false),
        NESTED_NONE(0, true),
        NESTED_SHORT(1, true),
        NESTED_PAE(2, true),
        NESTED_4(4, true),
        NESTED_5(5, true);

        /** Levels of 8-byte tables that are walked; 1 stands for the two levels of 4-byte ones. */
        private final int levels;

        private final boolean isNested;

        Format(int levels, boolean isNested) {
            this.levels = levels;
            this.isNested = isNested;
        }

        boolean isLong() {
            return levels >= 4;
        }
    }

    /** How often each thing was seen, so that a sweep that sees only one kind of answer is noticed. */
    private int mapped;

    private int refused;
    private int reserved;
    private int keyed;
    private int missing;

    @ParameterizedTest
    @EnumSource
    void walkerAndDefinitionAgree(Format format) {
        for (int seed = 0; seed < SEEDS; seed++) {
            try (Sweep sweep = new Sweep(format, seed)) {
                for (int table = 0; table < TABLES_A_SEED; table++) {
                    sweep.fillTables();
                    for (int walk = 0; walk < WALKS_A_TABLE; walk++) {
                        sweep.compare();
                    }
                    sweep.compareTables();
                }
            }
        }
        assertThat(mapped).as("mapped").isGreaterThan(500);
        assertThat(missing > 20).as("outside of memory: " + missing).isEqualTo(format.isNested);
        if (format != Format.NESTED_NONE) {
            assertThat(refused).as("refused").isGreaterThan(500);
            assertThat(reserved).as("reserved").isGreaterThan(format == Format.NESTED_SHORT ? 20 : 100);
        }
        assertThat(keyed > 100).as("refused by key: " + keyed).isEqualTo(format.isLong());
    }

    @Test
    void everyFormatIsCounted() {
        assertThat(Format.values().length * SEEDS * TABLES_A_SEED * WALKS_A_TABLE)
                .isGreaterThan(100_000);
    }

    private final class Sweep implements AutoCloseable {
        private final Format format;
        private final int seed;
        private final Random random;
        private final MachineMemory memory = new MachineMemory(MACHINE_FRAMES);
        private final VcpuState state = new VcpuState();
        private final PageWalker walker = new PageWalker(state, memory);
        private final long scatter;
        private PagingRegisters registers;
        private final TableCopy copy = new TableCopy();

        Sweep(Format format, int seed) {
            this.format = format;
            this.seed = seed;
            this.random = new Random(seed);
            this.scatter = format.isNested ? random.nextLong(FRAMES) : 0;
            if (format.isNested) {
                buildP2m();
            }
            registers = chooseRegisters();
        }

        @Override
        public void close() {
            memory.close();
        }

        private boolean flip() {
            return random.nextBoolean();
        }

        private boolean oneIn(int n) {
            return random.nextInt(n) == 0;
        }

        private long mfn(long gfn) {
            return format.isNested ? FRAMES + (gfn + scatter) % FRAMES : gfn;
        }

        private void buildP2m() {
            long next = P2M_ROOT + 1;
            for (long gfn = 0; gfn < FRAMES; gfn++) {
                long table = P2M_ROOT;
                for (int level = 4; level > 1; level--) {
                    long place = (table << 12) + 8L * LongModeEntry.index(gfn << 12, level);
                    if (memory.readLong(place) == 0) {
                        memory.writeLong(place, LongModeEntry.of(next++, 7));
                    }
                    table = LongModeEntry.frame(memory.readLong(place));
                }
                memory.writeLong((table << 12) + 8 * (gfn & 511), LongModeEntry.of(mfn(gfn), 7));
            }
        }

        /** The guest's registers, and for shadows those that the hypervisor's tables are walked with. */
        private PagingRegisters chooseRegisters() {
            state.pkru = random.nextInt();
            boolean keys = format.isLong() && !oneIn(4);
            long rights = (flip() ? Cr4.SMEP : 0) | (flip() ? Cr4.SMAP : 0) | (keys ? Cr4.PROTECTION_KEYS : 0);
            long root = 1L + random.nextInt(TABLE_FRAMES) << 12;
            for (int i = 0; i < 4; i++) {
                state.pdpte[i] = 1L + random.nextInt(TABLE_FRAMES) << 12 | (oneIn(5) ? 0 : 1) | random.nextInt(2) << 3;
            }
            PagingRegisters own = new PagingRegisters(
                    Cr0.PROTECTION
                            | (format.levels == 0 ? 0 : Cr0.PAGING)
                            | (!format.isNested || flip() ? Cr0.WRITE_PROTECT : 0),
                    format.isLong() && flip() ? root | random.nextInt(4096) : root,
                    rights
                            | (format.levels >= 2 ? Cr4.PHYSICAL_ADDRESS_EXTENSION : 0)
                            | (format.levels == 1 && !oneIn(4) ? Cr4.PAGE_SIZE_EXTENSIONS : 0)
                            | (format.levels == 5 ? Cr4.FIVE_LEVEL : 0),
                    (format.isLong() ? Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE : 0)
                            | (!format.isNested || flip() ? Efer.NO_EXECUTE : 0),
                    List.of(state.pdpte[0], state.pdpte[1], state.pdpte[2], state.pdpte[3]),
                    false,
                    state.pkru,
                    CpuFeatures.PHYSICAL_ADDRESS_BITS,
                    true,
                    true);
            if (format.isNested) {
                state.cr0 = own.cr0();
                state.cr3 = own.cr3();
                state.cr4 = own.cr4();
                state.efer = own.efer();
            } else {
                unrelatedGuest();
            }
            walker.load(paging(own));
            return own;
        }

        /** Under shadows nothing of the guest's counts but PKRU. */
        private void unrelatedGuest() {
            state.cr0 = random.nextLong() | Cr0.PROTECTION;
            state.cr3 = random.nextLong();
            state.cr4 = random.nextLong();
            state.efer = random.nextLong();
            for (int i = 0; i < 4; i++) {
                state.pdpte[i] = random.nextLong();
            }
        }

        private HardwarePaging paging(PagingRegisters own) {
            boolean smep = (own.cr4() & Cr4.SMEP) != 0;
            boolean smap = (own.cr4() & Cr4.SMAP) != 0;
            boolean keys = (own.cr4() & Cr4.PROTECTION_KEYS) != 0;
            List<Long> pdpte = own.pdpte();
            return switch (format) {
                case SHADOW_4, SHADOW_5 ->
                    new HardwarePaging.Shadow(own.cr3() & -4096L, format.levels, smep, smap, keys);
                case SHADOW_PAE ->
                    new HardwarePaging.PaeShadow(pdpte.get(0), pdpte.get(1), pdpte.get(2), pdpte.get(3), smep, smap);
                case NESTED_NONE, NESTED_SHORT, NESTED_PAE, NESTED_4, NESTED_5 ->
                    new HardwarePaging.Nested(P2M_ROOT << 12);
            };
        }

        void fillTables() {
            for (int frame = 1; frame <= TABLE_FRAMES; frame++) {
                for (int index = 0; index < LongModeEntry.ENTRIES; index++) {
                    long entry = format.levels == 1 ? shortEntry() | shortEntry() << 32 : wideEntry();
                    memory.writeLong((mfn(frame) << 12) + 8L * index, entry);
                    copy.words[(frame << 9) + index] = entry;
                }
            }
        }

        private long flags() {
            return (oneIn(12) ? 0 : 1)
                    | (oneIn(6) ? 0 : LongModeEntry.WRITABLE)
                    | (oneIn(6) ? 0 : LongModeEntry.USER)
                    | random.nextInt(4) << 5
                    | random.nextInt(2) << 8;
        }

        private long wideEntry() {
            boolean large = oneIn(4);
            long frame = large ? LEAVES[random.nextInt(LEAVES.length)] : 1 + random.nextInt(TABLE_FRAMES);
            long entry = LongModeEntry.of(frame, flags() | (large ? LongModeEntry.PAGE_SIZE : 0));
            entry |= oneIn(10) ? LongModeEntry.NO_EXECUTE : 0;
            entry |= format.isLong() ? random.nextLong(16) << 59 : 0;
            return oneIn(16) ? entry ^ 1L << wildBit() : entry;
        }

        private long shortEntry() {
            boolean large = oneIn(3);
            long frame = large ? 1024L * random.nextInt(2) : 1 + random.nextInt(TABLE_FRAMES);
            long entry = LongModeEntry.of(frame, flags() | (large ? LongModeEntry.PAGE_SIZE : 0));
            int wild = large && flip() ? 21 : random.nextInt(32);
            return oneIn(12) ? (entry ^ 1L << wild) & 0xFFFF_FFFFL : entry;
        }

        /** The hypervisor's own tables name only memory that is there. */
        private int wildBit() {
            int bit = random.nextInt(64);
            boolean isAddress = bit >= 12 && bit < CpuFeatures.PHYSICAL_ADDRESS_BITS;
            return isAddress && !format.isNested ? 40 + random.nextInt(24) : bit;
        }

        private long linear() {
            long linear = 0;
            if (format.levels == 0) {
                return random.nextLong() & (oneIn(4) ? -1L : 0xFFFF_FFFF_0000_0000L | (FRAMES << 12) - 1);
            }
            if (format.levels == 1) {
                return (long) random.nextInt(1024) << 22 | random.nextInt(1 << 22);
            }
            if (format.levels == 2) {
                return (long) random.nextInt(4) << 30 | random.nextInt(1 << 30);
            }
            for (int level = format.levels; level > 2; level--) {
                linear |= (long) random.nextInt(512) << LongModeEntry.indexShift(level);
            }
            int unused = 64 - (format.levels == 5 ? 57 : 48);
            linear = linear << unused >> unused;
            return linear | random.nextInt(1 << 23);
        }

        void compare() {
            boolean alignmentFlag = flip();
            PagingRegisters now = new PagingRegisters(
                    registers.cr0(),
                    registers.cr3(),
                    registers.cr4(),
                    registers.efer(),
                    registers.pdpte(),
                    alignmentFlag,
                    registers.pkru(),
                    registers.maxPhysicalAddress(),
                    true,
                    true);
            int access = ACCESSES[random.nextInt(ACCESSES.length)];
            long linear = linear();
            copy.outside = -1;
            Walk expected = DefinitionWalker.walk(now, copy, linear, access, false);
            PageWalker.Outcome outcome = walker.walk(linear, access, alignmentFlag);
            String which = "%s, seed %d: linear %x access %s; definition: %s; walker: %s"
                    .formatted(format, seed, linear, PageFaultCode.describe(access), expected, outcome);
            if (copy.outside >= 0) {
                missing++;
                assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.NESTED_FAULT);
                assertThat(walker.guestPhysical).as(which).isEqualTo(copy.outside);
                return;
            }
            switch (expected) {
                case Walk.Mapped page -> {
                    if (page.guestPhysical() >>> 12 >= FRAMES) {
                        missing++;
                        assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.NESTED_FAULT);
                        assertThat(walker.guestPhysical).as(which).isEqualTo(page.guestPhysical());
                        return;
                    }
                    mapped++;
                    DefinitionWalker.walk(now, copy, linear, access, true);
                    assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.MAPPED);
                    assertThat(walker.machineAddress)
                            .as(which)
                            .isEqualTo(mfn(page.guestPhysical() >>> 12) << 12 | page.guestPhysical() & 4095);
                    assertThat(1L << walker.leafShift)
                            .as(which)
                            .isEqualTo(page.size().bytes());
                }
                case Walk.Fault fault -> {
                    refused++;
                    reserved += (fault.code() & PageFaultCode.RESERVED) != 0 ? 1 : 0;
                    keyed += (fault.code() & PageFaultCode.PROTECTION_KEY) != 0 ? 1 : 0;
                    assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
                    assertThat(PageFaultCode.describe(walker.code & ~IMPLICIT))
                            .as(which)
                            .isEqualTo(PageFaultCode.describe(fault.code()));
                    assertThat(walker.code & IMPLICIT).as(which).isEqualTo(access & IMPLICIT);
                }
                case Walk.NonCanonical nonCanonical -> throw new AssertionError(which);
            }
        }

        /** Accessed and dirty bits, and nothing else changed. */
        void compareTables() {
            for (int frame = 1; frame <= TABLE_FRAMES; frame++) {
                for (int index = 0; index < LongModeEntry.ENTRIES; index++) {
                    long found = memory.readLong((mfn(frame) << 12) + 8L * index);
                    if (found != copy.words[(frame << 9) + index]) {
                        assertThat(Long.toHexString(found))
                                .as("%s, seed %d: frame %d entry %d", format, seed, frame, index)
                                .isEqualTo(Long.toHexString(copy.words[(frame << 9) + index]));
                    }
                }
            }
        }
    }

    /** The tables once more, for the definition; other frames hold zeros, and a read beyond all memory is remembered. */
    private static final class TableCopy implements PhysicalMemory {
        private final long[] words = new long[TABLE_FRAMES + 1 << 9];
        private long outside = -1;

        private long word(long guestPhysical) {
            if (guestPhysical >>> 12 >= FRAMES && outside < 0) {
                outside = guestPhysical;
            }
            int word = (int) (guestPhysical >>> 3);
            return guestPhysical >>> 12 <= TABLE_FRAMES ? words[word] : 0;
        }

        @Override
        public long readLong(long guestPhysical) {
            return word(guestPhysical);
        }

        @Override
        public int readInt(long guestPhysical) {
            return (int) (word(guestPhysical) >>> 8 * (guestPhysical & 4));
        }

        @Override
        public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
            boolean same = readLong(guestPhysical) == expected;
            if (same) {
                words[(int) (guestPhysical >>> 3)] = value;
            }
            return same;
        }

        @Override
        public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
            if (readInt(guestPhysical) != expected) {
                return false;
            }
            int shift = 8 * (int) (guestPhysical & 4);
            int word = (int) (guestPhysical >>> 3);
            words[word] = words[word] & ~(0xFFFF_FFFFL << shift) | (value & 0xFFFF_FFFFL) << shift;
            return true;
        }
    }
}
