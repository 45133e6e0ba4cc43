package io.umbra.processor;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs binutils' objdump and hands on what it prints, an instruction at a time. */
final class Objdump {
    /** One instruction of the listing. */
    interface Listener {
        /** @param length up to the address of the next line, in bytes */
        void instruction(long address, int length, String text);
    }

    private static final String BETWEEN = ":\t";

    private Objdump() {}

    static boolean isInstalled() {
        try {
            return new ProcessBuilder("objdump", "--version")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException _) {
            return false;
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** The executable sections of an ELF file. The last instruction of each has no length and is left out. */
    static void disassembleElf(Path file, Listener listener) throws IOException, InterruptedException {
        run(List.of("-d", "-M", "intel"), file, listener);
    }

    /** A file of nothing but code. */
    static void disassembleBinary(Path file, int mode, Listener listener) throws IOException, InterruptedException {
        String machine = switch (mode) {
            case 64 -> "i386:x86-64";
            case 32 -> "i386";
            default -> "i8086";
        };
        run(List.of("-D", "-b", "binary", "-m", machine, "-M", "intel"), file, listener);
    }

    private static void run(List<String> options, Path file, Listener listener)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("objdump", "--no-show-raw-insn", "-z"));
        command.addAll(options);
        command.add(file.toString());
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader lines = process.inputReader()) {
            read(lines, listener);
        }
        int status = process.waitFor();
        if (status != 0) {
            throw new IOException(command + " ended with " + status);
        }
    }

    private static void read(BufferedReader lines, Listener listener) throws IOException {
        long address = 0;
        String text = "";
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int end = line.indexOf(BETWEEN);
            if (end < 0) {
                text = "";
                continue;
            }
            long next = Long.parseUnsignedLong(line.substring(0, end).strip(), 16);
            if (!text.isEmpty()) {
                listener.instruction(address, (int) (next - address), text);
            }
            address = next;
            text = line.substring(end + BETWEEN.length());
        }
    }
}
