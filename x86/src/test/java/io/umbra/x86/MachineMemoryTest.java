package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MachineMemoryTest {

    private static final int FRAMES = 4;
    private static final long BYTES = FRAMES * 4096L;

    private final MachineMemory memory = new MachineMemory(FRAMES);

    @AfterEach
    void free() {
        memory.close();
    }

    @Test
    void newMemoryIsZero() {
        byte[] content = new byte[(int) BYTES];
        memory.read(0, content, 0, content.length);
        assertThat(content).containsOnly(0);
    }

    @Test
    void valuesAreLittleEndianAtAnyAlignment() {
        memory.writeLong(4093, 0x8877_6655_4433_2211L);
        assertThat(memory.readByte(4093)).isEqualTo(0x11);
        assertThat(memory.readByte(4100)).isEqualTo(0x88);
        assertThat(memory.readShort(4094)).isEqualTo(0x3322);
        assertThat(memory.readInt(4095)).isEqualTo(0x6655_4433);
        assertThat(memory.readLong(4093)).isEqualTo(0x8877_6655_4433_2211L);
    }

    @Test
    void readsBySizeAreZeroExtended() {
        memory.writeLong(0, -1L);
        assertThat(memory.read(0, 1)).isEqualTo(0xFFL);
        assertThat(memory.read(0, 2)).isEqualTo(0xFFFFL);
        assertThat(memory.read(0, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(memory.read(0, 8)).isEqualTo(-1L);
        assertThatThrownBy(() -> memory.read(0, 3)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void writesBySizeTouchNoOtherByte() {
        for (int size : new int[] {1, 2, 4, 8}) {
            memory.writeLong(8, -1L);
            memory.writeLong(16, -1L);
            memory.write(8, size, 0);
            assertThat(memory.readLong(8)).isEqualTo(size == 8 ? 0 : -1L << 8 * size);
            assertThat(memory.readLong(16)).isEqualTo(-1L);
        }
        assertThatThrownBy(() -> memory.write(0, 5, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void compareAndSetStoresOnlyWhenTheExpectedValueIsThere() {
        memory.writeLong(8, 5);
        assertThat(memory.compareAndSetLong(8, 4, 9)).isFalse();
        assertThat(memory.readLong(8)).isEqualTo(5);
        assertThat(memory.compareAndSetLong(8, 5, 9)).isTrue();
        assertThat(memory.readLong(8)).isEqualTo(9);
        assertThat(memory.compareAndSetInt(12, 1, 2)).isFalse();
        assertThat(memory.compareAndSetInt(12, 0, 2)).isTrue();
        assertThat(memory.readLong(8)).isEqualTo(2L << 32 | 9);
    }

    @Test
    void framesAreCopiedAndZeroedWhole() {
        byte[] pattern = new byte[4096];
        java.util.Arrays.fill(pattern, (byte) 0x5A);
        memory.write(4096, pattern, 0, 4096);
        memory.copyFrame(1, 2);
        memory.zeroFrame(1);
        byte[] content = new byte[4096];
        memory.read(2 * 4096, content, 0, 4096);
        assertThat(content).isEqualTo(pattern);
        memory.read(4096, content, 0, 4096);
        assertThat(content).containsOnly(0);
        assertThat(memory.readLong(3 * 4096)).isZero();
    }

    @Test
    void windowsOfMachinesDoNotOverlap() {
        List<MachineMemory> machines = new ArrayList<>();
        try {
            for (int i = 0; i < 20; i++) {
                MachineMemory machine = new MachineMemory(1 + i % 3);
                machines.add(machine);
                fill(machine, i + 1);
            }
            machines.remove(7).close();
            machines.remove(3).close();
            machines.add(new MachineMemory(1));
            machines.add(new MachineMemory(5));
            machines.sort(java.util.Comparator.comparingLong(MachineMemory::base));
            for (int i = 0; i < machines.size(); i++) {
                fill(machines.get(i), i + 1);
            }
            for (int i = 0; i < machines.size(); i++) {
                assertHolds(machines.get(i), i + 1);
                if (i > 0) {
                    MachineMemory below = machines.get(i - 1);
                    assertThat(machines.get(i).base()).isGreaterThanOrEqualTo(below.base() + below.frames() * 4096);
                }
            }
        } finally {
            machines.forEach(MachineMemory::close);
        }
    }

    @Test
    void freedMemoryIsZeroAgain() {
        MachineMemory first = new MachineMemory(64);
        long base = first.base();
        fill(first, 0x77);
        first.close();
        try (MachineMemory second = new MachineMemory(64)) {
            assertThat(second.base())
                    .as("the same window, else this test shows nothing")
                    .isEqualTo(base);
            assertHolds(second, 0);
        }
    }

    @Test
    void neighboursThatAreFreedMakeOneWindow() {
        MachineMemory lower = new MachineMemory(64);
        MachineMemory upper = new MachineMemory(64);
        long base = lower.base();
        assertThat(upper.base())
                .as("neighbours, with a page for watched frames behind each; else this test shows nothing")
                .isEqualTo(base + 65 * 4096);
        lower.close();
        upper.close();
        try (MachineMemory both = new MachineMemory(129)) {
            assertThat(both.base()).isEqualTo(base);
        }
    }

    @Test
    void closingTwiceFreesOnce() {
        MachineMemory first = new MachineMemory(8);
        first.close();
        try (MachineMemory second = new MachineMemory(8)) {
            fill(second, 3);
            first.close();
            assertHolds(second, 3);
        }
    }

    @Test
    void accessOutsideTheMachineIsRefused() {
        List<LongConsumer> accesses = List.of(
                memory::readByte,
                memory::readShort,
                memory::readInt,
                memory::readLong,
                maddr -> memory.writeByte(maddr, 0),
                maddr -> memory.writeShort(maddr, 0),
                maddr -> memory.writeInt(maddr, 0),
                maddr -> memory.writeLong(maddr, 0),
                maddr -> memory.compareAndSetInt(maddr, 0, 0),
                maddr -> memory.compareAndSetLong(maddr, 0, 0),
                maddr -> memory.zeroFrame(maddr >> 12),
                maddr -> memory.copyFrame(0, maddr >> 12),
                maddr -> memory.copyFrame(maddr >> 12, 0));
        for (LongConsumer access : accesses) {
            for (long maddr : new long[] {BYTES, -8, Long.MAX_VALUE & -4096, Long.MIN_VALUE, 1L << 32}) {
                assertThatThrownBy(() -> access.accept(maddr)).isInstanceOf(IndexOutOfBoundsException.class);
            }
        }
    }

    @Test
    void accessThatBeginsInsideAndEndsOutsideIsRefused() {
        assertThatThrownBy(() -> memory.readShort(BYTES - 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> memory.readInt(BYTES - 3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> memory.writeLong(BYTES - 7, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> memory.write(BYTES - 2, new byte[3], 0, 3))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> memory.read(BYTES - 2, new byte[3], 0, 3))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(memory.readByte(BYTES - 1)).isZero();
    }

    @Test
    void containsTheFramesItHas() {
        assertThat(memory.contains(0)).isTrue();
        assertThat(memory.contains(FRAMES - 1)).isTrue();
        assertThat(memory.contains(FRAMES)).isFalse();
        assertThat(memory.contains(-1)).isFalse();
    }

    @Test
    void everyKindOfWriteToAWatchedFrameIsTold() {
        List<String> told = new ArrayList<>();
        memory.addCodeWatch((maddr, length) -> told.add(Long.toHexString(maddr) + "+" + length));
        memory.watchCode(1);
        memory.writeByte(0x1000, 1);
        memory.writeShort(0x1002, 1);
        memory.writeInt(0x1004, 1);
        memory.writeLong(0x1008, 1);
        memory.compareAndSetInt(0x1010, 0, 1);
        memory.compareAndSetLong(0x1018, 0, 1);
        memory.write(0x1020, new byte[5], 0, 5);
        memory.zeroFrame(1);
        memory.copyFrame(2, 1);
        assertThat(told)
                .containsExactly(
                        "1000+1", "1002+2", "1004+4", "1008+8", "1010+4", "1018+8", "1020+5", "1000+4096", "1000+4096");
    }

    @Test
    void watchersHearOfAWriteBeforeMemoryChanges() {
        List<Integer> seen = new ArrayList<>();
        memory.watchCode(1);
        memory.addCodeWatch((maddr, length) -> seen.add(memory.readByte(maddr)));
        memory.writeByte(0x1000, 7);
        memory.writeByte(0x1000, 8);
        assertThat(seen).containsExactly(0, 7);
    }

    @Test
    void writeThatReachesIntoAWatchedFrameIsTold() {
        List<Long> told = new ArrayList<>();
        memory.addCodeWatch((maddr, length) -> told.add(maddr));
        memory.watchCode(1);
        memory.writeLong(0xFFC, 1);
        memory.write(0, new byte[0x3000], 0, 0x3000);
        assertThat(told).containsExactly(0xFFCL, 0L);
    }

    @Test
    void readsAndWritesToOtherFramesAreNotTold() {
        List<Long> told = new ArrayList<>();
        memory.addCodeWatch((maddr, length) -> told.add(maddr));
        memory.watchCode(1);
        memory.readLong(0x1000);
        memory.writeLong(0xFF8, 1);
        memory.writeLong(0x2000, 1);
        memory.copyFrame(1, 2);
        assertThat(told).isEmpty();
    }

    @Test
    void unwatchedFramesAndRemovedWatchersAreLeftAlone() {
        List<Long> told = new ArrayList<>();
        MachineMemory.CodeWatch watch = (maddr, length) -> told.add(maddr);
        memory.addCodeWatch(watch);
        memory.watchCode(1);
        assertThat(memory.isCodeWatched(1)).isTrue();
        memory.unwatchCode(1);
        assertThat(memory.isCodeWatched(1)).isFalse();
        memory.writeLong(0x1000, 1);
        memory.watchCode(1);
        memory.removeCodeWatch(watch);
        memory.writeLong(0x1000, 2);
        assertThat(told).isEmpty();
    }

    private static void fill(MachineMemory machine, int value) {
        for (long maddr = 0; maddr < machine.frames() * 4096; maddr += 8) {
            machine.writeLong(maddr, value);
        }
    }

    private static void assertHolds(MachineMemory machine, int value) {
        for (long maddr = 0; maddr < machine.frames() * 4096; maddr += 8) {
            assertThat(machine.readLong(maddr)).isEqualTo(value);
        }
    }
}
