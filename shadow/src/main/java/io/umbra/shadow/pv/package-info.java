/**
 * Direct paging for PV guests: the guest's own pagetables hold machine frames and are loaded into hardware CR3. What makes that safe is that each frame has a type, that a table is writable to
 * nobody, and that each change of an entry is audited.
 */
@NullMarked
package io.umbra.shadow.pv;

import org.jspecify.annotations.NullMarked;
