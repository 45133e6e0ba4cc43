package io.umbra.vmm.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GuestImageTest {
    private static final int MEMORY = 16 << 20;
    private static final byte[] NO_NOTE = {};

    private final ArrayMemory memory = new ArrayMemory(MEMORY);
    private final MemoryMap map = new MemoryMap(MEMORY);

    private EntryState load(byte[] image, LoadRequest request) throws LoadException {
        return GuestImage.recognise(image, "image").load(memory, request);
    }

    private EntryState load(byte[] image) throws LoadException {
        return load(image, LoadRequest.of("a=b", map));
    }

    private void assertRefused(byte[] image, LoadRequest request, String message) {
        assertThatExceptionOfType(LoadException.class)
                .isThrownBy(() -> load(image, request))
                .withMessageStartingWith("image: ")
                .withMessageContaining(message);
    }

    private void assertRefused(byte[] image, String message) {
        assertRefused(image, LoadRequest.of("", map), message);
    }

    private void assertKernelIsInPlace() throws LoadException {
        byte[] expected = Arrays.copyOf(
                Arrays.copyOfRange(SampleImages.elf64(NO_NOTE), 0x1000, 0x1000 + SampleImages.TEXT),
                SampleImages.TEXT + SampleImages.BSS);
        assertThat(memory.read(SampleImages.KERNEL, expected.length)).isEqualTo(expected);
    }

    @Test
    void everyCompressionOfABzImageUnpacks() throws IOException, LoadException {
        byte[] kernel = SampleImages.elf64(NO_NOTE);
        List<byte[]> payloads = List.of(
                SampleImages.lz4(kernel, 1000),
                SampleImages.gzip(kernel),
                SampleImages.xz(kernel),
                SampleImages.lzma(kernel),
                SampleImages.bzip2(kernel),
                SampleImages.zstd(kernel));
        for (byte[] payload : payloads) {
            memory.write(SampleImages.KERNEL, new byte[] {1}, 0, 1);
            memory.writeLong(SampleImages.KERNEL + SampleImages.TEXT, -1);
            EntryState entry = load(SampleImages.bzImage(payload));
            assertThat(entry)
                    .isEqualTo(
                            new EntryState.LongMode(SampleImages.KERNEL + 16, 0x8ff0, 0x7000, 0x9000, 0x500, 0x1f, 0));
            assertKernelIsInPlace();
        }
    }

    @Test
    void theZeroPageTellsOfMemoryInitrdAndCommandLine() throws IOException, LoadException {
        byte[] initrd = new byte[5000];
        Arrays.fill(initrd, (byte) 7);
        load(
                SampleImages.bzImage(SampleImages.gzip(SampleImages.elf64(NO_NOTE))),
                new LoadRequest("console=ttyS0", initrd, map, 0xe_0000));
        assertThat(memory.u64(0x7070)).isEqualTo(0xe_0000);
        assertThat(memory.u32(0x7202)).isEqualTo(0x5372_6448);
        assertThat(memory.u32(0x7230)).as("copied from the header").isEqualTo(0x20_0000);
        assertThat(memory.u64(0x7250)).as("setup_data is not the file's").isZero();
        assertThat(memory.u32(0x7210) & 0xffff).isEqualTo(0x01ff);
        int start = memory.u32(0x7218);
        assertThat(start).isEqualTo(MEMORY - 8192);
        assertThat(memory.u32(0x721c)).isEqualTo(5000);
        assertThat(memory.read(start, 5000)).isEqualTo(initrd);
        assertThat(memory.u32(0x7228)).isEqualTo(0x2_0000);
        assertThat(new String(memory.read(0x2_0000, 14), StandardCharsets.UTF_8))
                .isEqualTo("console=ttyS0\0");
        assertThat(memory.read(0x71e8, 1)).containsExactly(6);
        assertThat(memory.u64(0x72d0 + 8)).isEqualTo(0x9_fc00);
        assertThat(memory.u32(0x72d0 + 20 + 16)).isEqualTo(2);
        assertThat(memory.u64(0x72d0 + 40)).as("ACPI tables").isEqualTo(0xe_0000);
        assertThat(memory.u32(0x72d0 + 40 + 16)).isEqualTo(3);
        assertThat(memory.u64(0x72d0 + 60)).as("ACPI storage").isEqualTo(0xe_8000);
        assertThat(memory.u32(0x72d0 + 60 + 16)).isEqualTo(4);
        assertThat(memory.u64(0x72d0 + 100)).isEqualTo(0x10_0000);
        assertThat(memory.u64(0x72d0 + 108)).isEqualTo(MEMORY - 0x10_0000);
    }

    private static void patch(byte[] image, int at, int... bytes) {
        for (int value : bytes) {
            image[at++] = (byte) value;
        }
    }

    private static void patch(byte[] image, int at, byte[] bytes) {
        System.arraycopy(bytes, 0, image, at, bytes.length);
    }

    @Test
    void aBzImageWithoutA64BitEntryIsEnteredAtItsOwnDecompressor() throws LoadException {
        byte[] image = SampleImages.bzImage32(0x10_0000);
        patch(image, 0x22c, 0xff, 0xff, 0x7f, 0);
        memory.writeLong(SampleImages.KERNEL + 0x1000, -1);
        EntryState entry = load(image, new LoadRequest("a=b", new byte[5000], map, 0));
        assertThat(entry).isEqualTo(new EntryState.Linux32(SampleImages.KERNEL, 0x7000, 0x8ff0, 0x500, 0x1f));
        byte[] protectedMode = Arrays.copyOfRange(image, 5 * 512, image.length);
        assertThat(memory.read(SampleImages.KERNEL, protectedMode.length)).isEqualTo(protectedMode);
        assertThat(memory.u64(SampleImages.KERNEL + 0x1000)).as("behind it").isZero();
        assertThat(memory.u64(0x510)).isEqualTo(0x00cf_9b00_0000_ffffL);
        assertThat(memory.u64(0x518)).isEqualTo(0x00cf_9300_0000_ffffL);
        assertThat(memory.u32(0x7214)).as("code32_start").isEqualTo((int) SampleImages.KERNEL);
        assertThat(memory.u32(0x7218)).as("below initrd_addr_max").isEqualTo(0x80_0000 - 8192);
    }

    @Test
    void a32BitKernelGetsTheRoomThatItsHeaderAsksFor() {
        byte[] image = SampleImages.bzImage32(0x10_0000);
        patch(image, 0x22c, 0xff, 0x0f, 0x30, 0);
        assertRefused(image, new LoadRequest("", new byte[5000], map, 0), "end at 0x300000 and 0x301000");
        assertRefused(SampleImages.bzImage32(MEMORY), "16 MiB of RAM do not have");
        byte[] crooked = SampleImages.bzImage32(4096);
        patch(crooked, 0x230, 0, 0, 0, 1);
        assertRefused(crooked, "no multiple of its alignment 0x1000000");
        byte[] far = SampleImages.bzImage32(4096);
        patch(far, 0x258, 0, 0, 0, 0, 1);
        assertRefused(far, LoadRequest.of("", new MemoryMap(8L << 30)), "32-bit code does not reach");
        byte[] low = SampleImages.bzImage32(4096);
        patch(low, 0x211, 0);
        assertRefused(low, "zImage");
        assertRefused(Arrays.copyOf(image, 5 * 512), "truncated");
        assertRefused(Arrays.copyOf(image, image.length - 32), "truncated: its 32-bit part");
        assertRefused(image, LoadRequest.of("x".repeat(2048), map), "at most 2047 bytes");
    }

    @Test
    void severalInitrdsAreRefusedByLinux() {
        BootModule module = new BootModule("a", new byte[1]);
        LoadRequest request = new LoadRequest("", List.of(module, module), map, 0);
        assertRefused(SampleImages.bzImage32(4096), request, "one initrd, not 2");
    }

    @Test
    void theTablesOfLongModeMapFourGigabytesToThemselves() throws LoadException {
        load(SampleImages.elf64(NO_NOTE));
        assertThat(memory.u64(0x510)).isEqualTo(0x00af_9b00_0000_ffffL);
        assertThat(memory.u64(0x518)).isEqualTo(0x00cf_9300_0000_ffffL);
        for (long linear : new long[] {0, 0x20_0000, 0x3fff_f000L, 0x4000_0000L, 0xfee0_0000L}) {
            long level3 = memory.u64(0x9000 + (linear >>> 39) * 8) & -4096;
            long level2 = memory.u64(level3 + (linear >>> 30 & 511) * 8) & -4096;
            assertThat(memory.u64(level2 + (linear >>> 21 & 511) * 8)).isEqualTo(linear & -0x20_0000L | 0x83);
        }
        assertThat(memory.u64(0xa020)).as("nothing beyond").isZero();
        assertKernelIsInPlace();
    }

    @Test
    void aPvhNoteOfEitherSizeIsEnteredWithItsStartInfo() throws LoadException {
        for (byte[] image : List.of(
                SampleImages.elf64(SampleImages.pvhNote(8)),
                SampleImages.elf64(SampleImages.pvhNote(4)),
                SampleImages.elf32(SampleImages.pvhNote(4)))) {
            EntryState entry = load(image, new LoadRequest("x", new byte[10], map, 0));
            assertThat(entry).isEqualTo(new EntryState.Pvh(SampleImages.KERNEL + 32, 0x1000));
            assertThat(memory.u32(0x1000)).isEqualTo(0x336e_c578);
            assertThat(memory.u32(0x1004)).isEqualTo(1);
            assertThat(memory.u32(0x100c)).isEqualTo(1);
            assertThat(memory.u64(memory.u64(0x1010))).isEqualTo(MEMORY - 4096);
            assertThat(memory.u64(memory.u64(0x1010) + 8)).isEqualTo(10);
            assertThat(memory.read(memory.u64(0x1018), 2)).containsExactly('x', 0);
            assertThat(memory.u32(0x1030)).isEqualTo(6);
            assertThat(memory.u64(memory.u64(0x1028) + 5 * 24)).isEqualTo(0x10_0000);
            assertKernelIsInPlace();
        }
    }

    @Test
    void aFlatImageIsPlacedAsItIs() throws LoadException {
        byte[] image = SampleImages.flat(0x40_0000, 0x40_0020, 100);
        assertThat(load(image))
                .isEqualTo(new EntryState.LongMode(0x40_0020, 0x9_f000, MEMORY, 0x9000, 0x500, 0x1f, 0x2_0000));
        assertThat(memory.read(0x40_0000, 100)).isEqualTo(image);
        assertThat(memory.read(0x2_0000, 4)).isEqualTo("a=b\0".getBytes(StandardCharsets.UTF_8));
        assertRefused(image, new LoadRequest("", new byte[1], map, 0), "takes no initrd");
        assertRefused(SampleImages.flat(0x40_0001, 0x40_0030, 100), "multiple of 4 KiB");
        assertRefused(SampleImages.flat(0x40_0000, 0x40_001f, 100), "not inside");
        assertRefused(SampleImages.flat(0x40_0000, 0x40_0064, 100), "not inside");
        assertRefused(SampleImages.flat(0x8000, 0x8020, 100), "below 1 MiB");
        assertRefused(SampleImages.flat(MEMORY, MEMORY + 32, 100), "RAM do not have");
        assertRefused(SampleImages.flat(-4096, -4064, 100), "RAM do not have");
    }

    @Test
    void whatCannotBeBootedIsNamed() throws IOException {
        assertRefused(new byte[0], "is empty");
        assertRefused(new byte[10_000], "no bootable image");
        assertRefused(SampleImages.elf32(NO_NOTE), "32-bit ELF");
        assertRefused(SampleImages.elf64(SampleImages.xenNote(1, new byte[8])), "Xen PV");
        byte[] kernel = SampleImages.elf64(NO_NOTE);
        byte[] image = SampleImages.bzImage(SampleImages.lz4(kernel, 1000));
        assertRefused(Arrays.copyOf(image, 4000), "truncated");
        image[0x206] = 5;
        assertRefused(image, "protocol 2.05");
        assertRefused(SampleImages.bzImage(SampleImages.gzip(SampleImages.elf32(NO_NOTE))), "is a 32-bit one");
        assertRefused(SampleImages.bzImage(SampleImages.gzip(new byte[1000])), "no ELF");
        assertRefused(SampleImages.bzImage(new byte[1000]), "not known");
    }

    @Test
    void segmentsThatOverlapOrShrinkAreRefused() {
        byte[] image = SampleImages.elf64(NO_NOTE);
        patch(image, 120, Arrays.copyOfRange(image, 64, 120));
        assertRefused(image, "overlap");
        byte[] shrunk = SampleImages.elf64(NO_NOTE);
        patch(shrunk, 64 + 40, 0, 1);
        assertRefused(shrunk, "larger in the file than in memory");
    }

    @Test
    void aBombIsRefusedBeforeItUnpacks() throws IOException {
        byte[] packed = SampleImages.gzip(new byte[MEMORY + 1]);
        assertRefused(SampleImages.bzImage(packed), "does not fit in 16 MiB");
        packed[packed.length - 1] = 0;
        assertRefused(SampleImages.bzImage(packed), "broken");
        byte[] lz4 = SampleImages.lz4(new byte[1000], 1000);
        lz4[lz4.length - 2] = 0x7f;
        assertRefused(SampleImages.bzImage(lz4), "cannot unpack");
        byte[] wrongSize = SampleImages.xz(new byte[1000]);
        wrongSize[wrongSize.length - 4]++;
        assertRefused(SampleImages.bzImage(wrongSize), "does not unpack to the 1001 bytes");
    }

    @Test
    void whatDoesNotFitIsRefused() {
        byte[] image = SampleImages.elf64(NO_NOTE);
        assertRefused(image, LoadRequest.of("x".repeat(2048), map), "at most 2047 bytes, not of 2048");
        assertRefused(image, LoadRequest.of("a\0b", map), "NUL");
        assertRefused(image, new LoadRequest("", new byte[MEMORY - (2 << 20)], map, 0), "initrd");
        assertRefused(image, LoadRequest.of("", new MemoryMap(1 << 20)), "2 MiB are the least");
        assertRefused(image, LoadRequest.of("", new MemoryMap(2 << 20)), "2 MiB of RAM do not have");
    }

    @Test
    void highMemoryBeginsAboveTheHole() {
        MemoryMap large = new MemoryMap(5L << 30);
        assertThat(large.ranges())
                .contains(new MemoryMap.Range(4L << 30, 2L << 30, MemoryMap.Kind.RAM))
                .hasSize(7);
        assertThat(large.isUsable((3L << 30) - 4096, 4096)).isTrue();
        assertThat(large.isUsable((3L << 30) - 4096, 4097)).isFalse();
        assertThat(large.isUsable(6L << 30, 1)).isFalse();
        assertThat(large.isUsable(Long.MAX_VALUE, Long.MAX_VALUE)).isFalse();
        assertThat(large.isUsable(-1, 2)).isFalse();
    }

    /** Whatever is done to an image's headers, it loads or is refused in one line; any other exception fails here. */
    @Test
    void brokenImagesAreOnlyEverRefused() throws IOException {
        byte[] kernel = SampleImages.elf64(NO_NOTE);
        byte[][] images = {
            SampleImages.bzImage(SampleImages.lz4(kernel, 1000)),
            SampleImages.bzImage(SampleImages.gzip(kernel)),
            SampleImages.bzImage(SampleImages.xz(kernel)),
            SampleImages.bzImage(SampleImages.zstd(kernel)),
            SampleImages.bzImage(SampleImages.lzma(kernel)),
            SampleImages.bzImage(SampleImages.bzip2(kernel)),
            SampleImages.bzImage32(0x10_0000),
            SampleImages.elf64(SampleImages.pvhNote(8)),
            SampleImages.elf32(SampleImages.pvhNote(4)),
            kernel,
            SampleImages.multiboot(SampleImages.elf32(NO_NOTE), 0x98, 3),
            SampleImages.multiboot(SampleImages.elf64(NO_NOTE), 0xb4, 3),
            SampleImages.multiboot(0x20_0000, 0x20_1000, 0x20_2000, 0x20_0064),
            SampleImages.flat(0x40_0000, 0x40_0020, 100),
        };
        int[] interesting = {0, 1, 0x7f, 0x80, 0xff};
        int loaded = 0;
        int refused = 0;
        for (int seed = 0; seed < 30_000; seed++) {
            Random random = new Random(seed);
            byte[] image = images[seed % images.length].clone();
            int headers = seed % images.length < 7 ? image.length : 200;
            for (int change = random.nextInt(1, 5); change > 0; change--) {
                boolean inSetup = headers > 200 && random.nextBoolean();
                int at = inSetup ? 0x1f1 + random.nextInt(0x70) : random.nextInt(Math.min(headers, image.length));
                for (int width = 1 << random.nextInt(4); width > 0 && at < image.length; width--) {
                    image[at++] = (byte)
                            (random.nextBoolean()
                                    ? interesting[random.nextInt(interesting.length)]
                                    : random.nextInt(256));
                }
            }
            if (random.nextInt(10) == 0) {
                image = Arrays.copyOf(image, random.nextInt(image.length));
            }
            byte[] initrd = random.nextBoolean() ? new byte[random.nextInt(100_000)] : null;
            try {
                load(image, new LoadRequest("console=ttyS0", initrd, map, 0));
                loaded++;
            } catch (LoadException e) {
                refused++;
                assertThat(e.getMessage())
                        .as("seed %d", seed)
                        .startsWith("image: ")
                        .doesNotContain("\n");
            } catch (RuntimeException | OutOfMemoryError e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        assertThat(loaded).isGreaterThan(1000);
        assertThat(refused).isGreaterThan(1000);
    }
}
