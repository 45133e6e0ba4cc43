/** The software x86 processor. Walks whatever pagetables it is given, and knows nothing of shadows. */
module io.umbra.processor {
    requires transitive io.umbra.x86;
    requires static org.jspecify;

    exports io.umbra.processor;
}
