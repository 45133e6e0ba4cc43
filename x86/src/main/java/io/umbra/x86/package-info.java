/**
 * The x86 architecture as the manuals define it: what processor, shadows and hypervisor have in common.
 */
@NullMarked
package io.umbra.x86;

import org.jspecify.annotations.NullMarked;
