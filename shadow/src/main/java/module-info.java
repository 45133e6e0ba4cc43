/** Shadow pagetables for x86 guests. Knows machine memory and the architecture, and no processor. */
module io.umbra.shadow {
    requires transitive io.umbra.x86;
    requires static org.jspecify;

    exports io.umbra.shadow;
    exports io.umbra.shadow.pv;
}
