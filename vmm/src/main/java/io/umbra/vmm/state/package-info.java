/**
 * How the parts of a machine put what they hold into a stream, and take it back: a {@link io.umbra.vmm.state.Persistent} for each part, which writes its fields to a
 * {@link io.umbra.vmm.state.StateWriter} in one order and reads them in the same from a {@link io.umbra.vmm.state.StateReader}, which refuses what the part could not hold.
 */
@NullMarked
package io.umbra.vmm.state;

import org.jspecify.annotations.NullMarked;
