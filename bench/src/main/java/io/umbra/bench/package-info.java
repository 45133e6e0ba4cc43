/** Benchmarks: what the parts cost by themselves. */
@NullMarked
package io.umbra.bench;

import org.jspecify.annotations.NullMarked;
