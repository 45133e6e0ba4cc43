package io.umbra.tools;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One file that {@code --initrd} names. The option's value is the name of a file; or, if there is no such file, a list as
 * QEMU takes it: files divided by commas, each perhaps followed by a space and arguments, {@code ,,} for a comma itself.
 *
 * @param file name of the file
 * @param text what a guest is told of it: name and arguments
 */
record ModuleOption(String file, String text) {

    /** The files in the order given; a name may be empty. */
    static List<ModuleOption> parse(String value) {
        if (exists(value)) {
            return List.of(new ModuleOption(value, value));
        }
        List<ModuleOption> modules = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < value.length(); at++) {
            char next = value.charAt(at);
            if (next != ',') {
                text.append(next);
            } else if (at + 1 < value.length() && value.charAt(at + 1) == ',') {
                text.append(',');
                at++;
            } else {
                modules.add(of(text.toString()));
                text.setLength(0);
            }
        }
        modules.add(of(text.toString()));
        return List.copyOf(modules);
    }

    private static ModuleOption of(String text) {
        int space = text.indexOf(' ');
        return new ModuleOption(space < 0 ? text : text.substring(0, space), text);
    }

    private static boolean exists(String name) {
        try {
            return Files.exists(Path.of(name));
        } catch (InvalidPathException e) {
            return false;
        }
    }
}
