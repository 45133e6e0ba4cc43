package io.umbra.processor;

import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RDI;
import static io.umbra.x86.VcpuState.RSI;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.Intercepts;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Walks in machine code against those in Java: two processors, of which one translates everything, run the same accesses through the same random tables, and must agree after each run in registers, faults, what the
 * TLB counted, and in memory, accessed and dirty bits included.
 *
 * <pre>
 *  frames 1 … 12     random tables; the top one's entry 0, or PDPTE 0, leads to
 *  frames 16 … 19    tables of what is always there: programs and stacks, of the supervisor and of the user
 *  frames 24 … 27    programs and stacks
 *  frames 512 …      pages that random tables name: RET in the first half, data in the second
 * </pre>
 */
class HostWalkTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int SEEDS = 30;
    private static final int RUNS = 400;
    private static final int PROGRAMS = 32, PROGRAM_BYTES = 64;
    private static final int ADDRESSES = 24;

    private static final long FRAMES = 2048, FIRST_LEAF = 512;
    private static final int RANDOM_TOP = 1, FIXED_TABLES = 16, FIXED_PAGES = 24;
    private static final long KERNEL = 0x40_0000, USER = 0x80_0000;
    private static final long RWU = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;
    private static final int[] REGISTERS = {RBX, RSI, RDI};
    private static final String RETURNS = "C3";
    private static final int HALT = 0xF4;

    private enum Format {
        FOUR_LEVELS(4),
        FIVE_LEVELS(5),
        PAE(2);

        private final int top;

        Format(int top) {
            this.top = top;
        }

        boolean isLong() {
            return top >= 4;
        }
    }

    private long filledByHostCode;
    private long filled;
    private long refused;

    @ParameterizedTest
    @EnumSource
    void walksInMachineCodeDoWhatThoseInJavaDo(Format format) {
        assumeTrue(HostEntry.isAvailable());
        for (long seed = SEED * 1000; seed < SEED * 1000 + SEEDS; seed++) {
            compare(format, seed);
        }
        assertThat(filledByHostCode).as("walks in machine code, of " + filled).isGreaterThan(1500);
        assertThat(refused).as("refused walks").isGreaterThan(500);
    }

    /** mov [rdi], rax, where the page lies at the offset in host memory that is its linear address: that is what an entry that was never filled says. */
    @Test
    void aPageThatLiesAtItsLinearAddressIsFound() {
        assumeTrue(HostEntry.isAvailable());
        Translation machineCode = Translation.fastest().eager().withRoom(1 << 20);
        try (TestMachine machine = TestMachine.shadow(PagingFeatures.OFFERED, machineCode)) {
            long frame = machine.newFrame();
            long linear = machine.memory.base() + (frame << 12);
            machine.mapTo(linear, frame, TestMachine.RW | LongModeEntry.ACCESSED | LongModeEntry.DIRTY);
            long beside = linear ^ 0x1000;
            machine.map(beside, TestMachine.RW);
            machine.code(TestMachine.CODE, "90 488907 F4");
            for (int run = 0; run < 10; run++) {
                long target = run < 8 ? beside : linear;
                machine.state.rip = TestMachine.CODE;
                machine.state.gpr[RAX] = 0x1234;
                machine.state.gpr[RDI] = target;
                assertThat(machine.processor.run(100)).isEqualTo(new Exit.Halt());
                assertThat(machine.peek(target, 8)).isEqualTo(0x1234);
            }
            assertThat(machine.processor.filledByHostCode()).isPositive();
        }
    }

    private void compare(Format format, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Translation machineCode = Translation.fastest().eager().withRoom(1 << 20);
        try (World expected = new World(format, seed, Translation.OFF);
                World actual = new World(format, seed, machineCode)) {
            long[] addresses = new long[ADDRESSES];
            for (int run = 0; run < RUNS; run++) {
                if (run % 40 == 0) {
                    long tables = random.nextLong();
                    expected.fillTables(tables);
                    actual.fillTables(tables);
                    Arrays.setAll(addresses, n -> page(format, random));
                }
                long step = random.nextLong();
                expected.prepare(new SplittableRandom(step), addresses);
                actual.prepare(new SplittableRandom(step), addresses);
                String where = "%s, seed %d, run %d: RBX %x, RSI %x, RDI %x"
                        .formatted(
                                format, seed, run, actual.state.gpr[RBX], actual.state.gpr[RSI], actual.state.gpr[RDI]);
                Exit exit = expected.processor.run(100);
                assertThat(actual.processor.run(100)).as(where).isEqualTo(exit);
                assertSame(expected, actual, where);
            }
            assertThat(actual.contents()).as("memory, seed " + seed).isEqualTo(expected.contents());
            filledByHostCode += actual.processor.filledByHostCode();
            TlbCounts counts = actual.processor.tlbCounts();
            filled += counts.misses() + counts.rechecks();
            refused += counts.refusals();
        }
    }

    private static void assertSame(World expected, World actual, String where) {
        assertThat(actual.state.gpr).as(where).isEqualTo(expected.state.gpr);
        assertThat(actual.state.rip).as("RIP, " + where).isEqualTo(expected.state.rip);
        assertThat(actual.state.instructions).as(where).isEqualTo(expected.state.instructions);
        assertThat(actual.processor.tlbCounts()).as(where).isEqualTo(expected.processor.tlbCounts());
        for (long frame = RANDOM_TOP; frame < FIXED_PAGES; frame++) {
            assertThat(actual.memory.hashFrame(frame))
                    .as("table " + frame + ", " + where)
                    .isEqualTo(expected.memory.hashFrame(frame));
        }
    }

    /** A page that the random tables are asked for: below entries 1 and 2 of level 2, so that a page of 1 GiB at frame 0 holds no table there, and does not end there. */
    private static long page(Format format, SplittableRandom random) {
        long page = (1L + random.nextInt(2)) << LongModeEntry.indexShift(2);
        page |= (long) random.nextInt(random.nextBoolean() ? 4 : 512) << 12; // many in one place of the TLB
        if (!format.isLong()) {
            return page | (long) (1 + random.nextInt(3)) << 30;
        }
        for (int level = 3; level < format.top; level++) {
            page |= (long) random.nextInt(512) << LongModeEntry.indexShift(level);
        }
        page |= (1L + random.nextInt(511)) << LongModeEntry.indexShift(format.top);
        int unused = 64 - LongModeEntry.indexShift(format.top + 1);
        long canonical = page << unused >> unused;
        return random.nextInt(20) == 0 ? canonical ^ 1L << 63 - random.nextInt(unused) : canonical;
    }

    /** One processor and its memory. */
    private static final class World implements AutoCloseable {
        private final Format format;
        private final MachineMemory memory = new MachineMemory(FRAMES);
        private final VcpuState state = new VcpuState();
        private final SoftwareProcessor processor;
        private boolean smep;
        private boolean smap;
        private boolean keys;
        private final boolean[] hasTable = {true, true, true, true};

        World(Format format, long seed, Translation translation) {
            this.format = format;
            this.processor = new SoftwareProcessor(state, memory, PagingFeatures.OFFERED, translation);
            SplittableRandom random = new SplittableRandom(seed);
            processor.intercept(Intercepts.DEPRIVILEGED);
            byte[] returns = HexFormat.of().parseHex(RETURNS.repeat(2048));
            for (long frame = FIRST_LEAF; frame < FRAMES; frame++) {
                memory.write(frame << 12, returns, 0, returns.length);
                memory.writeLong((frame << 12) + 2048, random.nextLong());
            }
            for (int program = 0; program < PROGRAMS; program++) {
                byte[] code = program(random);
                memory.write((FIXED_PAGES << 12) + program * PROGRAM_BYTES, code, 0, code.length);
                memory.write((FIXED_PAGES + 2 << 12) + program * PROGRAM_BYTES, code, 0, code.length);
            }
            fixedTables();
            state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
            state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | (format.top == 5 ? Cr4.FIVE_LEVEL : 0);
            state.efer = format.isLong() ? Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE : 0;
            load();
        }

        @Override
        public void close() {
            processor.close();
            memory.close();
        }

        /** Loads to ECX, stores and OR of EAX, and calls, through three registers. The same bytes are 32-bit and 64-bit code. */
        private static byte[] program(SplittableRandom random) {
            byte[] code = new byte[PROGRAM_BYTES];
            int length = 0;
            int accesses = 1 + random.nextInt(4);
            for (int n = 0; n < accesses; n++) {
                int register = REGISTERS[random.nextInt(REGISTERS.length)];
                int kind = random.nextInt(4);
                code[length++] = (byte) new int[] {0x8B, 0x89, 0x09, 0xFF}[kind];
                code[length++] = (byte) (new int[] {0x08, 0x00, 0x00, 0xD0}[kind] | register);
            }
            code[length] = (byte) HALT;
            return code;
        }

        // ---- tables -------------------------------------------------------------------------------------------------

        private void entry(long frame, long index, long value) {
            memory.writeLong((frame << 12) + 8 * index, value);
        }

        private void fixedTables() {
            for (int level = format.top; level > 2; level--) {
                int table = level == format.top ? RANDOM_TOP : FIXED_TABLES + level;
                entry(table, 0, LongModeEntry.of(FIXED_TABLES + level - 1, RWU));
            }
            int directory = FIXED_TABLES + 2;
            int table = 0;
            for (long place : new long[] {KERNEL, USER}) {
                long rights = place == USER ? RWU : RWU & ~LongModeEntry.USER;
                entry(directory, LongModeEntry.index(place, 2), LongModeEntry.of(FIXED_TABLES + table, RWU));
                entry(FIXED_TABLES + table, 0, LongModeEntry.of(FIXED_PAGES + 2L * table, rights));
                entry(FIXED_TABLES + table, 1, LongModeEntry.of(FIXED_PAGES + 2L * table + 1, rights));
                table++;
            }
        }

        void fillTables(long seed) {
            SplittableRandom random = new SplittableRandom(seed);
            for (int level = format.top; level > 0; level--) {
                for (int table = 0; table < tables(level); table++) {
                    for (int index = 0; index < LongModeEntry.ENTRIES; index++) {
                        boolean isTaken = level == format.top && format.isLong() && index == 0;
                        long entry = randomEntry(level, random);
                        if (!isTaken) {
                            entry(firstTable(level) + table, index, entry);
                        }
                    }
                }
            }
            for (int n = 1; n < hasTable.length; n++) {
                hasTable[n] = random.nextInt(8) != 0;
            }
            load();
        }

        private int tables(int level) {
            return level == format.top && format.isLong() ? 1 : level == 1 ? 4 : 2;
        }

        /** 1 of the top, 2 and 3 of the level below, and so on; PAE's directories are 1 and 2. */
        private int firstTable(int level) {
            int first = RANDOM_TOP;
            for (int above = format.top; above > level; above--) {
                first += tables(above);
            }
            return first;
        }

        private static boolean oneIn(int n, SplittableRandom random) {
            return random.nextInt(n) == 0;
        }

        private long randomEntry(int level, SplittableRandom random) {
            boolean large = oneIn(level == 2 ? 3 : 24, random) && level > 1;
            long frame = level == 1
                    ? FIRST_LEAF + random.nextLong(FRAMES - FIRST_LEAF)
                    : large
                            ? level == 2 ? FIRST_LEAF * (1 + random.nextInt(3)) : 0
                            : firstTable(level - 1) + random.nextInt(tables(level - 1));
            boolean leaf = large || level == 1;
            long flags = (oneIn(24, random) ? 0 : LongModeEntry.PRESENT)
                    | (oneIn(leaf ? 4 : 24, random) ? 0 : LongModeEntry.WRITABLE)
                    | (oneIn(leaf ? 2 : 24, random) ? 0 : LongModeEntry.USER)
                    | (oneIn(24, random) ? 0 : LongModeEntry.ACCESSED)
                    | (oneIn(3, random) ? 0 : LongModeEntry.DIRTY)
                    | (large ? LongModeEntry.PAGE_SIZE : 0)
                    | (level == 1 ? (long) random.nextInt(2) << 7 : 0)
                    | (long) random.nextInt(16) << 8;
            long entry = LongModeEntry.of(frame, flags);
            entry |= oneIn(leaf ? 8 : 40, random) ? LongModeEntry.NO_EXECUTE : 0;
            entry |= oneIn(leaf ? 8 : 60, random) && format.isLong() ? random.nextLong(16) << 59 : 0;
            entry |= oneIn(60, random) ? 1L << 40 + random.nextInt(24) : 0;
            entry |= oneIn(10, random) && large ? 1L << 13 + random.nextInt(8) : 0;
            return entry;
        }

        private void load() {
            processor.load(
                    format.isLong()
                            ? new HardwarePaging.Shadow((long) RANDOM_TOP << 12, format.top, smep, smap, keys)
                            : new HardwarePaging.PaeShadow(
                                    pdpte(FIXED_TABLES + 2, 0),
                                    pdpte(RANDOM_TOP, 1),
                                    pdpte(RANDOM_TOP + 1, 2),
                                    pdpte(RANDOM_TOP, 3),
                                    smep,
                                    smap));
        }

        private long pdpte(long frame, int n) {
            return frame << 12 | (hasTable[n] ? LongModeEntry.PRESENT : 0);
        }

        // ---- what is run --------------------------------------------------------------------------------------------

        void prepare(SplittableRandom random, long[] addresses) {
            disturb(random, addresses);
            boolean isUser = random.nextBoolean();
            segments(isUser);
            state.rflags = RFlags.ALWAYS_ONE | (random.nextBoolean() ? RFlags.ALIGNMENT_CHECK : 0);
            long place = isUser ? USER : KERNEL;
            state.rip = place + (long) random.nextInt(PROGRAMS) * PROGRAM_BYTES;
            state.gpr[RSP] = place + 0x2000 - 64;
            for (int register : REGISTERS) {
                // What is called lies in the first half of a page, and is not overwritten: only accesses that cross
                // from the page before reach its first bytes.
                int kind = random.nextInt(8);
                int offset = kind == 0 ? 0xFFD + random.nextInt(3) : kind < 4 ? 0x10 : 0x800 + random.nextInt(0x7F0);
                state.gpr[register] = addresses[random.nextInt(addresses.length)] | offset;
            }
            state.gpr[VcpuState.RAX] = 0xC3C3_C3C3L;
        }

        private void disturb(SplittableRandom random, long[] addresses) {
            switch (random.nextInt(16)) {
                case 0 -> {
                    smep = random.nextBoolean();
                    smap = random.nextBoolean();
                    keys = random.nextBoolean();
                    load();
                }
                case 1 -> {
                    state.pkru = oneIn(2, random) ? random.nextInt() : random.nextInt() & ~3;
                    processor.flush();
                }
                case 2 -> processor.flush();
                case 3, 4 -> processor.invalidate(addresses[random.nextInt(addresses.length)]);
                default -> {}
            }
        }

        private void segments(boolean isUser) {
            int rights = isUser ? 0x60 : 0;
            int selector = isUser ? 3 : 0;
            state.cpl = isUser ? 3 : 0;
            state.segments[CS].set(0x8 | selector, 0, 0xFFFF_FFFFL, (format.isLong() ? 0xA9B : 0xC9B) | rights);
            for (int n : new int[] {VcpuState.SS, VcpuState.DS, VcpuState.ES}) {
                state.segments[n].set(0x10 | selector, 0, 0xFFFF_FFFFL, 0xC93 | rights);
            }
            for (int n : new int[] {VcpuState.FS, VcpuState.GS}) {
                state.segments[n].set(0, 0, 0, SegmentRegister.UNUSABLE);
            }
        }

        byte[] contents() {
            byte[] bytes = new byte[(int) FRAMES << 12];
            memory.read(0, bytes, 0, bytes.length);
            return bytes;
        }
    }
}
