/**
 * Domains and their virtual processors: what a guest runs in.
 */
@NullMarked
package io.umbra.vmm;

import org.jspecify.annotations.NullMarked;
