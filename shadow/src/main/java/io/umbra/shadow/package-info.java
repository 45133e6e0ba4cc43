/**
 * Shadow pagetables: the guest's tables are never given to the processor; it walks shadows of them, made fault by fault.
 *
 * <p>A fault's way through the package is numbered in {@code PageFaults}: walk the guest's tables ({@code GuestWalker}, each step through the {@link io.umbra.shadow.P2m}), make room ({@code Reclaim}), build the path of
 * shadow entries ({@code Filler}, by the table in {@code Propagation}, with pages from {@code ShadowTables}; a large page becomes a splinter, or one of the {@code LargeLeaves}), and judge whether the instruction can be restarted or must be emulated ({@code EmulatedInstructions}, whose stores to
 * tables are followed by {@code Revalidation}). What makes it cheaper is beside it: {@code FastFaults}, {@code EmulationHint}, {@code VirtualTlb}, {@code Prefetch}, {@code OutOfSync}, {@code EarlyUnshadow}. Memory that is in no frame yet is {@code DemandMemory}'s, asked for through the {@link io.umbra.shadow.P2m}. Which tables hardware walks is
 * in {@code Roots}, how the guest's are laid out in {@code GuestFormat}.
 *
 * <p>What always holds between two calls, and which the auditor checks:
 *
 * <ul>
 *   <li>POOL-1: free and live pages together are the pool, and a shadow has as many pages as its type, in order, all of its type and frame.
 *   <li>POOL-2: only live pages are referred to.
 *   <li>HASH-1: each live shadow is found by its (frame, type), and no two share one.
 *   <li>HASH-2: the type mask of a guest frame names exactly the types of its live shadows.
 *   <li>REF-1: a shadow's count is the number of present entries that refer to it, plus vCPU roots that hold it, plus one if pinned; it is never zero.
 *   <li>REF-2: no reference is dropped that was not held.
 *   <li>UP-1: an up-pointer is empty or the address of an entry that refers to the shadow.
 *   <li>PIN-1: only roots are pinned, and the list of them is whole.
 *   <li>ROOT-1: each vCPU holds live roots of its paging mode's type: of the guest's root frame when that is memory, with PAE paging of the frame that each present PDPTE register names, and no others.
 *   <li>ROOT-2: the prefilled slots of each shadow of a four-level root hold what they were filled with; rules about entries do not speak of them.
 *   <li>PATH-1: what a vCPU's last path of shadows is remembered to end in, and with which rights, is what a walk from its root comes to.
 *   <li>LINK-1: a present entry above level 1 refers to a live shadow one level lower, of the very frame or large page that the guest's entry names. Where a guest entry has two of hardware's, they refer to the two pages of one shadow, with the same rights.
 *   <li>RMAP-1: the reverse map lists exactly the present leaves, each under the frame it maps.
 *   <li>RMAP-2: a frame's count of writable mappings is the number of writable leaves that map it.
 *   <li>RMAP-3: the list of each run of 512 frames has exactly the large leaves that map it, and the run's count is that of the shadowed tables in it.
 *   <li>LARGE-1: an entry of level 2 that maps 2 MiB itself stands for a large page of the guest's (or a part of one), all of which the P2M maps in sequence; none of its frames is shadowed under write-protect, and writes are not logged.
 *   <li>WP-1: under write-protect no leaf maps a shadowed frame writable, unless the frame is out of sync.
 *   <li>PROP-1: under write-protect a shadow entry grants no right that the guest's entry does not grant now, and a leaf has the guest's protection key where keys are enabled, otherwise and above level 1 key 0.
 *   <li>PROP-2: a shadow entry has no bits but P, RW, US, A, D, NX, the protection key and the frame, and PS if it is a large leaf.
 *   <li>AD-1: under write-protect a present entry's guest entry has A set, and a writable leaf's (or splinter link's) has D set. Tables in read-only memory cannot record them and are exempt.
 *   <li>P2M-1: a leaf maps the frame that the P2M gives now, writable only if the P2M says so.
 *   <li>P2M-2: a table that has a shadow is in a frame that the P2M gives now.
 *   <li>LOG-1: while log-dirty is on, what maps a frame writable (a leaf, or under nested paging the P2M) maps one that is in the bitmap; unless a frame could not be put there for want of memory.
 *   <li>LOG-2: the bitmap's count is that of its frames.
 *   <li>VRAM-1: what maps a frame of the tracked range writable maps one that is marked.
 *   <li>TAG-1: an absent entry is zero, or a level-1 tag that the guest's entry and the P2M bear out.
 *   <li>OOS-1: a frame that is out of sync is shadowed as one level-1 type and nothing else.
 *   <li>OOS-2: it has a slot, and no more writable mappings than are kept account of.
 * </ul>
 *
 * <p>Of a table that is out of sync, "the guest's entry" is the one in its snapshot. Under strict-tlb the guest's tables stay writable, and PROP-1, AD-1 and LINK-1 hold for some moment since the guest's last flush instead of now.
 */
@NullMarked
package io.umbra.shadow;

import org.jspecify.annotations.NullMarked;
