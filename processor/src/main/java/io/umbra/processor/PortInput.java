package io.umbra.processor;

/**
 * Where the answer to an {@link io.umbra.x86.Exit.PortRead} goes.
 *
 * @param size 1, 2 or 4 bytes
 * @param length of the instruction
 * @param string INS, whose destination is translated already: {@code first} and, in the next page, {@code second} (or -1) are places in host memory
 * @param addressSize of INS: how much of RDI and RCX counts
 * @param repeats RCX counts the iterations
 */
record PortInput(int size, int length, boolean string, long first, long second, int addressSize, boolean repeats) {}
