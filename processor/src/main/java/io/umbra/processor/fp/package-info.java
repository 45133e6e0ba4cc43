/**
 * The floating-point arithmetic of x86, exact to the bit on any host.
 *
 * <p>Pure functions of operands and a {@link io.umbra.processor.fp.FloatEnvironment}: they know nothing of registers,
 * stacks or instructions. {@link io.umbra.processor.fp.Float32} and {@link io.umbra.processor.fp.Float64} are what SSE
 * computes, {@link io.umbra.processor.fp.Float80} is what the x87 computes.
 *
 * <p>Rules kept by every operation:
 *
 * <ul>
 *   <li><b>FP-1</b> Flags are added to {@code FloatEnvironment.flags}, never removed.
 *   <li><b>FP-2</b> Exceptions have the priority of Intel SDM vol. 1, 4.9.2: a NaN operand hides everything below it;
 *       an invalid operation hides a denormal operand; an unmasked INVALID, DENORMAL or DIVIDE_BY_ZERO hides OVERFLOW,
 *       UNDERFLOW and INEXACT of the same operation.
 *   <li><b>FP-3</b> Tininess is detected after rounding.
 *   <li><b>FP-4</b> An x87 operation with an unmasked INVALID, DENORMAL or DIVIDE_BY_ZERO leaves its destination as it
 *       was; but a load of a denormal (FLD m32, m64) is done, as on AMD's processors. Any other destination may be the same object as an operand.
 * </ul>
 */
@NullMarked
package io.umbra.processor.fp;

import org.jspecify.annotations.NullMarked;
