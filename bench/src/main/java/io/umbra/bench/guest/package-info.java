/**
 * Whole guests under Umbra and under other emulators, timed in turn: {@code bench/run}. Launched from source, so nothing here needs more
 * than the JDK.
 */
@NullMarked
package io.umbra.bench.guest;

import org.jspecify.annotations.NullMarked;
