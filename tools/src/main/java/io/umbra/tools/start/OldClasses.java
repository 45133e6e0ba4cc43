package io.umbra.tools.start;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.ConstantPoolSharingOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Gives the classes of an archive that are in a format before Java 7's the stack maps that newer ones have (JVM specification,
 * 4.10.1).
 *
 * <p>HotSpot's ahead-of-time cache takes no class of a format before version 50, for it cannot be verified without executing the
 * old verifier; picocli's are of version 49. They are a third of what the command loads when it starts. Nothing else of them
 * changes.
 */
public final class OldClasses {
    /** The first version that must have stack maps. */
    private static final int WITH_STACK_MAPS = ClassFile.JAVA_7_VERSION;

    private OldClasses() {}

    /**
     * Rewrites, in place and in one step each, those of the archives that hold such a class.
     *
     * @throws IOException if one cannot be read or written; the archives before it are rewritten, the others are as they were
     */
    public static void main(String[] archives) throws IOException {
        for (String archive : archives) {
            upgrade(Path.of(archive));
        }
    }

    private static void upgrade(Path archive) throws IOException {
        Path upgraded = Path.of(archive + ".new");
        try {
            if (upgrade(archive, upgraded)) {
                Files.move(upgraded, archive, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(upgraded);
        }
    }

    /** Whether any class was changed. */
    private static boolean upgrade(Path archive, Path upgraded) throws IOException {
        boolean changed = false;
        try (ZipFile in = new ZipFile(archive.toFile());
                OutputStream file = Files.newOutputStream(upgraded);
                ZipOutputStream out = new ZipOutputStream(file);
                URLClassLoader loader =
                        new URLClassLoader(new URL[] {archive.toUri().toURL()})) {
            ClassFile format = ClassFile.of(
                    StackMapsOption.GENERATE_STACK_MAPS,
                    ConstantPoolSharingOption.NEW_POOL,
                    ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(loader)));
            for (ZipEntry entry : Collections.list(in.entries())) {
                byte[] content = in.getInputStream(entry).readAllBytes();
                if (entry.getName().endsWith(".class")) {
                    ClassModel old = format.parse(content);
                    if (old.majorVersion() < WITH_STACK_MAPS) {
                        content = format.transformClass(old, UPGRADE);
                        changed = true;
                    }
                }
                ZipEntry copy = new ZipEntry(entry.getName());
                copy.setTime(entry.getTime());
                out.putNextEntry(copy);
                out.write(content);
            }
        }
        return changed;
    }

    /** Code that is only copied would keep its lack of stack maps: it is built anew, instruction by instruction. */
    private static final ClassTransform UPGRADE = ClassTransform.transformingMethodBodies(
                    CodeTransform.ofStateful(() -> (code, element) -> code.with(element)))
            .andThen((type, element) -> {
                if (element instanceof ClassFileVersion) {
                    type.withVersion(WITH_STACK_MAPS, 0);
                } else {
                    type.with(element);
                }
            });
}
