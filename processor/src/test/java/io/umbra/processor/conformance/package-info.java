/** Instructions on the host's own processor, with all of the state that they can see given and read back: the oracle of the conformance tests. */
@NullMarked
package io.umbra.processor.conformance;

import org.jspecify.annotations.NullMarked;
