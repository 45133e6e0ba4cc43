/**
 * Direct paging for PV guests: the guest's own pagetables hold machine frames and are loaded into hardware CR3. What makes that safe is that each frame has a type, that a table is writable to nobody, and that each change of an
 * entry is audited. Xen: {@code arch/x86/mm.c}.
 *
 * <p>{@link io.umbra.shadow.pv.PvTables} has the calls. What is known of a frame is in {@link io.umbra.shadow.pv.MachineFrames}; {@code TypeReferences} claims, completes and gives up types; {@code TableValidation} goes through
 * a table's entries when its type is claimed or given up; {@code DataReferences} and {@code TableReferences} are what one entry holds, at level 1 and above, by the rules in {@code PvEntry}, with {@code LinearTables} for
 * entries that name their own level; {@code EntryUpdates} changes one entry of a live table; {@code AbsentGuard} is asked for those that are not present; {@code TableRoots} are the tables held for their own sake; {@code DirectStores} audits stores that the guest makes without asking;
 * {@code DescriptorTables} and {@code DescriptorAudit} are the same for segment descriptors; {@code Work} is a call that can be interrupted, and the place for what it leaves behind.
 *
 * <p>What always holds between two calls, and which the checker ({@code PvAudit}) finds out from memory and from what is held for its own sake:
 *
 * <ul>
 *   <li>OWNER-1: what a domain uses as a table or as descriptors is its own.
 *   <li>OWNER-2: what a level-1 entry maps is the domain's own, or a frame of a domain over which it has power. So no domain maps the hypervisor's frames, or free ones.
 *   <li>TYPE-1: a frame that is in use as a table or as descriptors is mapped writable by nobody; nor is one that was lent for reading.
 *   <li>TYPE-2: a frame is used as one thing at a time, which is its type. An entry above level 1 names a table one level lower, or is linear.
 *   <li>TYPE-3: what is in use was validated, or is partial.
 *   <li>COUNT-1: a frame's type count is the number of references of its type: entries of tables in use, bases, pins, descriptor tables, holds of the hypervisor's, one if it is partial or lent.
 *   <li>COUNT-2: a frame's count is the number of references: those of its type, read-only mappings, and one of its owner's.
 *   <li>FREE-1: a frame with an owner has a reference and is allocated; a frame without has none.
 *   <li>ENTRY-1: a present entry of a table in use has no bits but those allowed at its level.
 *   <li>ENTRY-2: it has US, and at level 1 the kernel's mark or G.
 *   <li>ABSENT-1: where absent entries are audited, none names what may be cached, unless hardware walks none of the domain's tables.
 *   <li>SLOT-1: the reserved slots of every L4 in use hold what the hypervisor put there.
 *   <li>LINEAR-1: an entry that names a table of its own level is read-only.
 *   <li>LINEAR-2: a table's linear count is the number of such entries that it has, or, negative, of those that name it, but for entries that name their own table; so it has only the ones or the others.
 *   <li>PARTIAL-1: a partial table is a table, and neither validated nor pinned nor in use. Its first entries, as many as are done, hold what they name, and one more may hold the bare frame of its child.
 *   <li>IO-1: an entry that maps what is no memory is permitted, uncached, and not writable where that is not.
 *   <li>DESC-1: a present descriptor in a frame of descriptors is code or data of privilege 3, half a gate, or a call gate of privilege 0.
 *   <li>AREA-1: the processor finds a vCPU's descriptors where they should be, and nothing else there; and the guest cannot reach that place.
 *   <li>M2P-1: the M2P has numbers for domains' frames only.
 * </ul>
 *
 * <p>TLBs are held to this by the order of every change: a frame's new type is published, then the TLBs that may hold translations from its old one are flushed, then it is used.
 */
@NullMarked
package io.umbra.shadow.pv;

import org.jspecify.annotations.NullMarked;
