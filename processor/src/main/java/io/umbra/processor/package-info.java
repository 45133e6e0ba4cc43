/**
 * The software processor: executes guest code until something needs the hypervisor.
 */
@NullMarked
package io.umbra.processor;

import org.jspecify.annotations.NullMarked;
