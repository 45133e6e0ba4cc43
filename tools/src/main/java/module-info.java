/** The umbra command. */
module io.umbra.tools {
    requires io.umbra.vmm;
    requires java.management; // the flags of this JVM, for those that it starts
    requires info.picocli;
    requires static org.jspecify;

    exports io.umbra.tools;

    // picocli fills the fields of the commands.
    opens io.umbra.tools to
            info.picocli;
}
