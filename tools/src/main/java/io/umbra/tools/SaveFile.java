package io.umbra.tools;

import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** The file of a saved domain: there is all of it or nothing, and it takes the place of nothing but an older one. */
final class SaveFile {
    private static final int BUFFER = 1 << 20;

    private SaveFile() {}

    /** @throws IOException with one line for the user, when nothing may or can be written there */
    static void check(Path file) throws IOException {
        Path directory = directory(file);
        if (!Files.isDirectory(directory)) {
            throw new IOException("cannot save to '" + file + "': its directory does not exist");
        }
        if (!Files.isWritable(directory)) {
            throw new IOException("cannot save to '" + file + "': nothing can be written to its directory");
        }
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !isSave(file)) {
            throw new IOException("'" + file + "' exists and is no saved guest: it is not overwritten");
        }
    }

    private static Path directory(Path file) {
        Path parent = file.toAbsolutePath().getParent();
        return parent == null ? file.toAbsolutePath() : parent;
    }

    private static boolean isSave(Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            return DomainStream.recognises(in.readNBytes(DomainStream.RECOGNISED_BY));
        }
    }

    /** Writes beside the file first, and puts what is complete in its place. */
    static void write(Path file, Domain domain) throws IOException {
        check(file);
        Path partial = Files.createTempFile(directory(file), ".umbra-", ".partial");
        try {
            try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.WRITE)) {
                OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER);
                DomainStream.save(domain, out);
                out.flush();
                channel.force(true);
            }
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }
}
