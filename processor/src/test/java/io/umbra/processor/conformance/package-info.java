/**
 * Instructions on the host's own processor, with all of the state that they can see given and read back: the oracle of the conformance tests.
 *
 * <p>{@code Conformance} runs rows of the decoder's tables on random operands on both sides and compares registers, defined flags, memory, and which way control
 * went. What is not run is in {@code Exclusions}, with the reason; which flags are not compared is in {@code UndefinedFlags}. Faults are not provoked: operands are
 * chosen so that none can be, and what faults in the software processor is reported without being tried on the host. A failure names the seed; the same seed
 * makes the same cases. {@code -Dumbra.cases=N -Dumbra.seed=S} asks for others.
 */
@NullMarked
package io.umbra.processor.conformance;

import org.jspecify.annotations.NullMarked;
