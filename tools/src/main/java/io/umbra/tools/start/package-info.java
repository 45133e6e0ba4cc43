/** What makes the command start fast: run by the launcher when it has built, not by the command. */
@NullMarked
package io.umbra.tools.start;

import org.jspecify.annotations.NullMarked;
