package io.umbra.vmm.loader;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorInputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** With the kernel that guests/fetch-debian-kernel has fetched; skipped when it has not. */
class DebianKernelTest {

    private static Optional<Path> kernelFile() throws IOException {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            Path cache = at.resolve(".umbra/guests");
            if (Files.isDirectory(cache)) {
                try (Stream<Path> files = Files.find(
                        cache, 3, (file, facts) -> file.getFileName().toString().startsWith("vmlinuz-"))) {
                    return files.max(Path::compareTo);
                }
            }
        }
        return Optional.empty();
    }

    private static byte[] kernel() throws IOException {
        Optional<Path> file = kernelFile();
        Assumptions.assumeTrue(file.isPresent(), "guests/fetch-debian-kernel has fetched no kernel");
        return Files.readAllBytes(file.get());
    }

    /** The payload's blocks through another decoder, found without the loader's own parser. */
    private static byte[] unpackedByAnotherDecoder(byte[] image) throws IOException {
        ImageBytes bytes = new ImageBytes(image, "kernel");
        byte[] kernel = new byte[0];
        try {
            int at = 0;
            while (bytes.u32(at) != 0x184c_2102L) {
                at++;
            }
            at += 4;
            while (kernel.length == 0 || kernel.length != bytes.u32(at)) {
                int length = (int) bytes.u32(at);
                byte[] block = new BlockLZ4CompressorInputStream(new ByteArrayInputStream(image, at + 4, length))
                        .readAllBytes();
                int from = kernel.length;
                kernel = Arrays.copyOf(kernel, from + block.length);
                System.arraycopy(block, 0, kernel, from, block.length);
                at += 4 + length;
            }
        } catch (LoadException e) {
            throw new IOException(e);
        }
        return kernel;
    }

    @Test
    void thePayloadUnpacksToWhatAnotherDecoderFinds() throws IOException, LoadException {
        byte[] file = kernel();
        LinuxBzImage image = (LinuxBzImage) GuestImage.recognise(file, "vmlinuz");
        ElfFile elf = image.kernel(256 << 20);
        byte[] expected = unpackedByAnotherDecoder(file);
        assertThat(Arrays.mismatch(elf.image().content(), expected)).isEqualTo(-1);
    }

    @Test
    void theKernelLoadsWithAnInitrd() throws IOException, LoadException {
        GuestImage image = GuestImage.recognise(kernel(), "vmlinuz");
        ArrayMemory memory = new ArrayMemory(128 << 20);
        EntryState entry =
                image.load(memory, new LoadRequest("console=ttyS0", new byte[1 << 20], new MemoryMap(128 << 20), 0));
        assertThat(entry)
                .isInstanceOfSatisfying(
                        EntryState.LongMode.class,
                        state -> assertThat(state.rip()).isEqualTo(0x100_0000));
        assertThat(memory.u32(0x7218)).isEqualTo(127 << 20);
        assertThat(memory.u64(0x100_0000)).isNotZero();
    }

    @Test
    void theUnpackedKernelHasAPvhEntryInItself() throws IOException, LoadException {
        LinuxBzImage image = (LinuxBzImage) GuestImage.recognise(kernel(), "vmlinuz");
        ElfFile elf = image.kernel(256 << 20);
        GuestImage vmlinux = GuestImage.recognise(elf.image().content(), "vmlinux");
        ArrayMemory memory = new ArrayMemory(128 << 20);
        EntryState entry = vmlinux.load(memory, LoadRequest.of("", new MemoryMap(128 << 20)));
        assertThat(entry)
                .isInstanceOfSatisfying(
                        EntryState.Pvh.class,
                        state -> assertThat(elf.isLoaded(state.eip())).isTrue());
        assertThat(elf.segments()).extracting(ElfFile.Segment::physical).isSorted();
        assertThat(List.of(elf.entry())).containsExactly(0x100_0000L);
    }
}
