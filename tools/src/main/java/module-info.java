/** The umbra command. */
module io.umbra.tools {
    requires io.umbra.vmm;
    requires info.picocli;
    requires static org.jspecify;

    exports io.umbra.tools;

    // picocli fills the fields of the commands.
    opens io.umbra.tools to
            info.picocli;
}
