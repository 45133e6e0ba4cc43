/**
 * Logs of what the engine did in a run: written while it runs, printed, summed up, and held against another run of the same guest.
 *
 * <p>A file is a {@link io.umbra.tools.trace.TraceHeader} and then events, deflated. Each event is
 *
 * <pre>
 *  kind      a byte: the ordinal of {@code EventKind}
 *  time      instructions retired, as the difference from the event before
 *  fields    as many as the kind has, each as the difference from the last event of this kind
 * </pre>
 *
 * where differences are signed numbers of 64 bits that wrap, zigzag-coded, 7 bits a byte, the low ones first, bit 7 set in all but the last. The last event is the end; a file without one was cut off.
 */
@NullMarked
package io.umbra.tools.trace;

import org.jspecify.annotations.NullMarked;
