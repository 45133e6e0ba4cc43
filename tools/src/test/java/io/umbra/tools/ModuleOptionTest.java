package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModuleOptionTest {

    @Test
    void aListIsSplitAsQemuSplitsIt() {
        assertThat(ModuleOption.parse("/none/a one two,/none/b,/none/c,,d  x"))
                .containsExactly(
                        new ModuleOption("/none/a", "/none/a one two"),
                        new ModuleOption("/none/b", "/none/b"),
                        new ModuleOption("/none/c,d", "/none/c,d  x"));
        assertThat(ModuleOption.parse("/none/a,"))
                .containsExactly(new ModuleOption("/none/a", "/none/a"), new ModuleOption("", ""));
    }

    @Test
    void theNameOfAFileThatIsThereIsNotSplit(@TempDir Path directory) throws IOException {
        String file = Files.createFile(directory.resolve("a b,c")).toString();
        assertThat(ModuleOption.parse(file)).containsExactly(new ModuleOption(file, file));
    }
}
