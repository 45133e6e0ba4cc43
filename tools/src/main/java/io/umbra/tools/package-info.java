/**
 * The umbra command.
 */
@NullMarked
package io.umbra.tools;

import org.jspecify.annotations.NullMarked;
