/** The x86 architecture: entry formats, control registers, fault codes, machine memory. */
@SuppressWarnings("module") // x86 ends in a digit
module io.umbra.x86 {
    requires static org.jspecify;

    exports io.umbra.x86;
}
