package io.umbra.tools.start;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class OldClassesTest {
    @TempDir
    private Path directory;

    private Path copyOf(Class<?> type) throws Exception {
        Path archive =
                Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        return Files.copy(archive, directory.resolve(archive.getFileName().toString()));
    }

    /** Initialising a class verifies it, by its stack maps alone from version 51 on. */
    @Test
    void everyClassOfPicocliIsVerifiedByItsStackMaps() throws Exception {
        Path archive = copyOf(CommandLine.class);
        List<String> before = names(archive);
        OldClasses.main(new String[] {archive.toString()});

        assertThat(names(archive)).isEqualTo(before);
        try (ZipFile zip = new ZipFile(archive.toFile());
                URLClassLoader loader =
                        new URLClassLoader(new URL[] {archive.toUri().toURL()}, ClassLoader.getPlatformClassLoader())) {
            List<String> classes = before.stream()
                    .filter(name -> name.startsWith("picocli/") && name.endsWith(".class"))
                    .toList();
            assertThat(classes).hasSizeGreaterThan(100);
            for (String name : classes) {
                assertThat(version(zip, name)).as(name).isEqualTo(51);
                String type =
                        name.substring(0, name.length() - ".class".length()).replace('/', '.');
                assertThat(Class.forName(type, true, loader).getClassLoader()).isSameAs(loader);
            }
        }
        assertThat(directory).isDirectoryNotContaining("glob:**.new");
    }

    @Test
    void archiveOfNewClassesStaysAsItIs() throws Exception {
        Path archive = copyOf(Test.class);
        byte[] before = Files.readAllBytes(archive);
        OldClasses.main(new String[] {archive.toString()});
        assertThat(archive).hasBinaryContent(before);
        assertThat(directory).isDirectoryNotContaining("glob:**.new");
    }

    @Test
    void whatIsNoArchiveStaysAsItIs() throws Exception {
        Path file = Files.writeString(directory.resolve("a.jar"), "no archive");
        assertThatThrownBy(() -> OldClasses.main(new String[] {file.toString()}))
                .isInstanceOf(IOException.class);
        assertThat(file).hasContent("no archive");
    }

    private static int version(ZipFile zip, String name) throws IOException {
        byte[] content = zip.getInputStream(zip.getEntry(name)).readAllBytes();
        return content[6] << 8 | content[7];
    }

    private static List<String> names(Path archive) throws IOException {
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            return zip.stream().map(ZipEntry::getName).toList();
        }
    }
}
