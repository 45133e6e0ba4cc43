/**
 * Shadow pagetables: how a domain's memory is virtualised.
 */
@NullMarked
package io.umbra.shadow;

import org.jspecify.annotations.NullMarked;
