/**
 * Shadow pagetables: the guest's tables are never given to the processor; it walks shadows of them, made fault by fault.
 *
 * <p>A fault's way through the package is numbered in {@code PageFaults}: walk the guest's tables ({@code GuestWalker}, each step through the {@link io.umbra.shadow.P2m}), make room ({@code Reclaim}), build the path of
 * shadow entries ({@code Filler}, by the table in {@code Propagation}, with pages from {@code ShadowTables}), and judge whether the instruction can be restarted or must be emulated ({@code EmulatedInstructions}, whose stores to
 * tables are followed by {@code Revalidation}). What makes it cheaper is beside it: {@code FastFaults}, {@code EmulationHint}, {@code VirtualTlb}, {@code Prefetch}, {@code OutOfSync}, {@code EarlyUnshadow}. Which tables hardware walks is
 * in {@code Roots}, how the guest's are laid out in {@code GuestFormat}.
 *
 * <p>What always holds between two calls, and which the auditor checks:
 *
 * <ul>
 *   <li>POOL-1: free and live pages together are the pool.
 *   <li>POOL-2: only live pages are referred to.
 *   <li>HASH-1: each live shadow is found by its (frame, type), and no two share one.
 *   <li>HASH-2: the type mask of a guest frame names exactly the types of its live shadows.
 *   <li>REF-1: a shadow's count is the number of present entries that refer to it, plus vCPU roots that hold it, plus one if pinned; it is never zero.
 *   <li>REF-2: no reference is dropped that was not held.
 *   <li>UP-1: an up-pointer is empty or the address of an entry that refers to the shadow.
 *   <li>PIN-1: only roots are pinned, and the list of them is whole.
 *   <li>ROOT-1: each vCPU holds a live root, of the guest's root frame when that is memory.
 *   <li>LINK-1: a present entry above level 1 refers to a live shadow one level lower, of the very frame or large page that the guest's entry names. Where a guest entry has two of hardware's, they refer to the two pages of one shadow.
 *   <li>RMAP-1: the reverse map lists exactly the present leaves, each under the frame it maps.
 *   <li>RMAP-2: a frame's count of writable mappings is the number of writable leaves that map it.
 *   <li>WP-1: under write-protect no leaf maps a shadowed frame writable, unless the frame is out of sync.
 *   <li>PROP-1: under write-protect a shadow entry grants no right that the guest's entry does not grant now.
 *   <li>PROP-2: a shadow entry has no bits but P, RW, US, A, D, NX and the frame.
 *   <li>AD-1: under write-protect a present entry's guest entry has A set, and a writable leaf's (or splinter link's) has D set. Tables in read-only memory cannot record them and are exempt.
 *   <li>P2M-1: a leaf maps the frame that the P2M gives now, writable only if the P2M says so.
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
