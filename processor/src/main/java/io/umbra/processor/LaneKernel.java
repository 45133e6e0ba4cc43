package io.umbra.processor;

/**
 * What a packed instruction makes of 128 bits of its operands: the definition that its SSE form, its 128-bit and its 256-bit VEX form share. A 256-bit form does it twice. A scalar instruction's is what
 * it makes of its low element; the rest is the first operand's.
 */
@FunctionalInterface
interface LaneKernel {
    /**
     * Writes the result to {@code out[at]} and {@code out[at + 1]}, as the last thing it does: {@code out} may hold the first operand.
     *
     * @param aLow of the first operand; an instruction with one source does not look at it
     * @param bLow of the second operand
     */
    void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh);
}
