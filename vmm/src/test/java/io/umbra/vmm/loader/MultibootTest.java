package io.umbra.vmm.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MultibootTest {
    private static final int MEMORY = 16 << 20;
    private static final byte[] NO_NOTE = {};
    private static final int HEADER = 0x1000;
    private static final int ADDRESSES = 0x1_0000;

    private final ArrayMemory memory = new ArrayMemory(MEMORY);
    private final MemoryMap map = new MemoryMap(MEMORY);

    private EntryState load(byte[] image, BootModule... modules) throws LoadException {
        return GuestImage.recognise(image, "image").load(memory, new LoadRequest("a=b", List.of(modules), map, 0));
    }

    private void assertRefused(byte[] image, String message, BootModule... modules) {
        assertThatExceptionOfType(LoadException.class)
                .isThrownBy(() -> load(image, modules))
                .withMessageStartingWith("image: ")
                .withMessageContaining(message)
                .withMessageNotContaining("\n");
    }

    private static ByteBuffer view(byte[] image) {
        return ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] withHeader(byte[] image, int at, int flags) {
        return SampleImages.multiboot(image, at, flags);
    }

    /** A file of 5000 bytes, its header at 0x40, which puts what lies from 0x20 on to {@code address}. */
    private static byte[] placed(int address, int loadEnd, int bssEnd, int entry) {
        return SampleImages.multiboot(address, loadEnd, bssEnd, entry);
    }

    private String text(long at) throws LoadException {
        StringBuilder text = new StringBuilder();
        for (byte[] next = memory.read(at, 1); next[0] != 0; next = memory.read(++at, 1)) {
            text.append((char) next[0]);
        }
        return text.toString();
    }

    @Test
    void anElfFileIsLoadedBySegmentsAndToldOfAllThatThereIs() throws LoadException {
        byte[] first = "the first".getBytes(StandardCharsets.US_ASCII);
        EntryState entry = load(
                withHeader(SampleImages.elf32(NO_NOTE), HEADER, 3),
                new BootModule("a one", first),
                new BootModule("b", new byte[5000]),
                new BootModule("c", new byte[0]));
        assertThat(entry).isEqualTo(new EntryState.Multiboot(SampleImages.KERNEL, 0x9000));
        assertThat(memory.u32(0x9000)).isEqualTo(1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
        assertThat(memory.u32(0x9004)).isEqualTo(639);
        assertThat(memory.u32(0x9008)).isEqualTo(15 << 10);
        assertThat(text(memory.u32(0x9010))).isEqualTo("image a=b");
        assertThat(text(memory.u32(0x9040))).isEqualTo("Umbra");

        assertThat(memory.u32(0x9014)).isEqualTo(3);
        int module = memory.u32(0x9018);
        int behind = (int) SampleImages.KERNEL + 0x2000;
        assertThat(memory.u32(module)).as("the next frame behind the kernel").isEqualTo(behind);
        assertThat(memory.u32(module + 4)).isEqualTo(behind + 9);
        assertThat(text(memory.u32(module + 8))).isEqualTo("a one");
        assertThat(memory.read(behind, 9)).isEqualTo(first);
        assertThat(memory.u32(module + 16)).isEqualTo(behind + 0x1000);
        assertThat(memory.u32(module + 20)).isEqualTo(behind + 0x1000 + 5000);
        assertThat(memory.u32(module + 32)).isEqualTo(behind + 0x3000);
        assertThat(memory.u32(module + 36)).isEqualTo(behind + 0x3000);

        assertThat(memory.u32(0x902c)).isEqualTo(3 * 24);
        int range = memory.u32(0x9030);
        assertThat(memory.u32(range)).as("the size does not count itself").isEqualTo(20);
        assertThat(memory.u64(range + 12)).isEqualTo(0x9_fc00);
        assertThat(memory.u32(range + 24 + 20)).isEqualTo(2);
        assertThat(memory.u64(range + 48 + 4)).isEqualTo(0x10_0000);
        assertThat(memory.u64(range + 48 + 12)).isEqualTo(MEMORY - 0x10_0000);
        assertThat(memory.u32(range + 48 + 20)).isEqualTo(1);
    }

    @Test
    void theBiosDataAreaNamesSerialPortAndEndOfLowMemory() throws LoadException {
        load(withHeader(SampleImages.elf32(NO_NOTE), HEADER, 0));
        assertThat(memory.u32(0x400) & 0xffff).isEqualTo(0x3f8);
        assertThat(memory.u32(0x40e) & 0xffff).isEqualTo(0x9fc0);
        assertThat(memory.u32(0x413) & 0xffff).isEqualTo(639);
        byte[] low = placed(0x400, 0, 0, 0x464);
        load(low);
        assertThat(memory.read(0x400, 0x100)).as("a kernel there").isEqualTo(Arrays.copyOfRange(low, 0x20, 0x120));
    }

    @Test
    void theHeaderIsFoundAtAMultipleOfFourInTheFirst8KibibytesOnly() throws LoadException {
        byte[] elf = Arrays.copyOf(SampleImages.elf32(NO_NOTE), 0x3000);
        assertThat(load(withHeader(elf, 8192 - 12, 0))).isInstanceOf(EntryState.Multiboot.class);
        assertRefused(withHeader(elf, 8192 - 8, 0), "neither a PVH note nor a Multiboot header");
        assertRefused(withHeader(elf, 0x1002, 0), "neither a PVH note nor a Multiboot header");
        byte[] wrongSum = withHeader(elf, HEADER, 0);
        wrongSum[HEADER + 8]++;
        assertRefused(wrongSum, "neither a PVH note nor a Multiboot header");
        byte[] second = withHeader(wrongSum, HEADER + 12, 0);
        assertThat(load(second)).isInstanceOf(EntryState.Multiboot.class);
    }

    @Test
    void aFlagThatMustBeMetAndIsNotKnownIsRefused() throws LoadException {
        byte[] elf = SampleImages.elf32(NO_NOTE);
        for (int flag = 3; flag < 16; flag++) {
            assertRefused(withHeader(elf, HEADER, 1 << flag), "flags %#x".formatted(1 << flag));
        }
        for (int flag : new int[] {0, 1, 2, 17, 31}) {
            assertThat(load(withHeader(elf, HEADER, 1 << flag))).isInstanceOf(EntryState.Multiboot.class);
        }
    }

    @Test
    void theAddressesOfTheHeaderPlaceAnyFile() throws LoadException {
        int entry = 0x20_0064;
        memory.writeLong(0x20_0000 + 4960, -1);
        byte[] image = placed(0x20_0000, 0x20_0000 + 4960, 0x20_3000, entry);
        assertThat(load(image, new BootModule("", new byte[1]))).isEqualTo(new EntryState.Multiboot(entry, 0x9000));
        assertThat(memory.read(0x20_0000, 4960)).isEqualTo(Arrays.copyOfRange(image, 0x20, 0x20 + 4960));
        assertThat(memory.u64(0x20_0000 + 4960)).as("cleared").isZero();
        assertThat(memory.u32(memory.u32(0x9018))).as("behind bss").isEqualTo(0x20_3000);
        assertThat(load(placed(0x20_0000, 0, 0, entry))).isEqualTo(new EntryState.Multiboot(entry, 0x9000));
        byte[] whole = placed(0x20_0000, 0, 0, entry);
        assertThat(memory.read(0x20_0000, 5000 - 0x20)).isEqualTo(Arrays.copyOfRange(whole, 0x20, 5000));
    }

    @Test
    void anElfFileWhoseHeaderGivesAddressesIsLoadedByThem() throws LoadException {
        for (byte[] elf : List.of(SampleImages.elf32(NO_NOTE), SampleImages.elf64(SampleImages.pvhNote(8)))) {
            byte[] image = withHeader(elf, HEADER, ADDRESSES);
            view(image)
                    .putInt(HEADER + 12, 0x30_1000)
                    .putInt(HEADER + 16, 0x30_0000)
                    .putInt(HEADER + 28, 0x30_1020);
            view(image).putInt(HEADER + 20, 0).putInt(HEADER + 24, 0);
            assertThat(load(image)).isEqualTo(new EntryState.Multiboot(0x30_1020, 0x9000));
            assertThat(memory.read(0x30_0000, 4)).containsExactly(0x7f, 'E', 'L', 'F');
        }
    }

    @Test
    void addressesThatContradictEachOtherAreRefused() {
        int entry = 0x20_0064;
        assertRefused(placed(0x20_0000, 0x1f_ffff, 0, entry), "out of order");
        assertRefused(placed(0x20_0000, 0x20_1000, 0x20_0fff, entry), "out of order");
        assertRefused(placed(0x20_0000, 0x20_2000, 0, entry), "truncated");
        assertRefused(placed(0x20_0000, 0, 0, 0x1f_ffff), "entry point 0x1fffff");
        assertRefused(placed(0x20_0000, 0, 0x20_3000, 0x20_3000), "entry point 0x203000");
        assertRefused(placed(MEMORY - 4096, 0, 0, MEMORY - 4000), "16 MiB of RAM do not have");
        assertRefused(placed(0x9_f000, 0, 0, 0x9_f064), "16 MiB of RAM do not have");
        byte[] image = placed(0x20_0000, 0, 0, entry);
        view(image).putInt(0x40 + 12, 0x1f_ffff);
        assertRefused(image, "cannot lie at 0x1fffff");
        view(image).putInt(0x40 + 12, 0x20_0041);
        assertRefused(image, "cannot lie at 0x200041");
        assertRefused(Arrays.copyOf(image, 0x40 + 20), "truncated");
    }

    @Test
    void theInformationKeepsOutOfTheWayOfALowKernel() throws LoadException {
        assertThat(load(placed(0x8000, 0, 0x9801, 0x8064))).isEqualTo(new EntryState.Multiboot(0x8064, 0xa000));
        assertThat(load(placed(0x8000, 0, 0x9_fc00, 0x8064))).isEqualTo(new EntryState.Multiboot(0x8064, 0x10_0000));
        assertThat(load(placed(0x8000, 0, 0x9_fc00, 0x8064), new BootModule("", new byte[4097])))
                .isEqualTo(new EntryState.Multiboot(0x8064, 0x10_2000));
    }

    @Test
    void whatDoesNotFitIsRefused() {
        byte[] elf = withHeader(SampleImages.elf32(NO_NOTE), HEADER, 0);
        BootModule large = new BootModule("large", new byte[8 << 20]);
        assertRefused(elf, "its module 2 of 8192 KiB does not fit", large, large);
        BootModule talkative = new BootModule("x".repeat(15 << 20), new byte[0]);
        assertRefused(elf, "leaves no room for the", talkative);
        assertRefused(elf, "NUL", new BootModule("a\0b", new byte[0]));
        byte[] outside = elf.clone();
        view(outside).putInt(24, 0x100);
        assertRefused(outside, "entry point 0x100");
        byte[] noElf = new byte[10_000];
        assertRefused(withHeader(noElf, 8000, 0), "no ELF file that has them");
    }

    @Test
    void anEntryThatIsALinearAddressIsFoundInItsSegment() throws LoadException {
        byte[] elf = withHeader(SampleImages.elf32(NO_NOTE), HEADER, 0);
        view(elf).putInt(24, 0xc000_0040).putInt(52 + 8, 0xc000_0000);
        assertThat(load(elf)).isEqualTo(new EntryState.Multiboot(SampleImages.KERNEL + 0x40, 0x9000));
    }

    /** QEMU's order: Multiboot first, but not for a 64-bit ELF file, which it does not load so. */
    @Test
    void ofPvhAndMultibootA32BitFileIsMultibootAndA64BitFilePvh() throws LoadException {
        assertThat(load(withHeader(SampleImages.elf32(SampleImages.pvhNote(4)), HEADER, 0)))
                .isInstanceOf(EntryState.Multiboot.class);
        assertThat(load(withHeader(SampleImages.elf64(SampleImages.pvhNote(4)), HEADER, 0)))
                .isInstanceOf(EntryState.Pvh.class);
        assertThat(load(withHeader(SampleImages.elf64(NO_NOTE), HEADER, 0)))
                .isEqualTo(new EntryState.Multiboot(SampleImages.KERNEL + 16, 0x9000));
    }

    @Test
    void theSectionsOfAnElfFileAreBroughtAndTold() throws LoadException {
        byte[] names = "\0names\0".getBytes(StandardCharsets.US_ASCII);
        byte[] elf = withHeader(SampleImages.elf32(NO_NOTE), HEADER, 0);
        int at = elf.length;
        byte[] image = Arrays.copyOf(elf, at + names.length + 80);
        System.arraycopy(names, 0, image, at, names.length);
        int table = at + names.length;
        view(image)
                .putInt(32, table)
                .putShort(46, (short) 40)
                .putShort(48, (short) 2)
                .putShort(50, (short) 1);
        view(image)
                .putInt(table + 40, 1)
                .putInt(table + 44, 3)
                .putInt(table + 56, at)
                .putInt(table + 60, names.length);
        load(image);
        assertThat(memory.u32(0x9000) & 1 << 5).isNotZero();
        assertThat(memory.u32(0x901c)).isEqualTo(2);
        assertThat(memory.u32(0x9020)).isEqualTo(40);
        assertThat(memory.u32(0x9028)).isEqualTo(1);
        int header = memory.u32(0x9024) + 40;
        assertThat(text(memory.u32(header + 12) + memory.u32(header))).isEqualTo("names");

        view(image).putInt(table + 60, 1 << 20);
        load(image);
        assertThat(memory.u32(0x9000) & 1 << 5).as("a section that is cut off").isZero();
    }
}
