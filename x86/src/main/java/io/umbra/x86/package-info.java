/**
 * The x86 architecture as the manuals define it: what processor, shadows and hypervisor have in common.
 *
 * <p>Rules:
 *
 * <ul>
 *   <li>{@code FRAME-1}: a frame is freed once for each time that it was allocated.
 * </ul>
 */
@NullMarked
package io.umbra.x86;

import org.jspecify.annotations.NullMarked;
