/**
 * The access matrix: every combination of entry bits, control registers and kinds of access that architecture tells apart, each decided by the shadow engine and by the definition, and the two
 * answers compared: the page reached, the page-fault code, and A and D in the guest's tables afterwards.
 *
 * <ol>
 *   <li>A {@link io.umbra.tools.matrix.MatrixMode mode} has one {@link io.umbra.tools.matrix.AccessMatrix matrix}: a numbering of {@link io.umbra.tools.matrix.AccessCase cases}, made of blocks.
 *   <li>A {@link io.umbra.tools.matrix.Subject} answers a case. {@link io.umbra.tools.matrix.Definition} does so by the manuals, {@link io.umbra.tools.matrix.ShadowedGuest} by a guest whose memory the engine
 *       virtualises.
 *   <li>A {@link io.umbra.tools.matrix.MatrixRun} plays cases to both and keeps the {@link io.umbra.tools.matrix.Disagreement disagreements}.
 * </ol>
 */
@NullMarked
package io.umbra.tools.matrix;

import org.jspecify.annotations.NullMarked;
