package io.umbra.processor;

/**
 * Where host code may leave in the middle of a block: an operation is to be executed as the interpreter would, because it has no translation or because its memory is not in the TLB.
 *
 * @param operation its number in the block
 * @param resume the address of what follows it in the block; 0 when it is the last
 */
record HostSite(Block block, int operation, long resume) {}
