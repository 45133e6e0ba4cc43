/**
 * The software processor: executes guest code until something needs the hypervisor.
 *
 * <p>How code is executed: the {@link io.umbra.processor.Interpreter} goes from {@link io.umbra.processor.Block} to block, calling each operation. A block that was executed often
 * becomes the root of a {@link io.umbra.processor.RegionPlan}: blocks that lead to one another. {@link io.umbra.processor.HostRegionWriter} makes of it machine code of the host, or
 * {@link io.umbra.processor.RegionWriter} bytecode. From then on the run loop enters the {@link io.umbra.processor.Region} where it would have executed the block. Which of them executes an
 * instruction decides nothing but speed.
 *
 * <p>Rules of the package, by the names under which they are reported:
 *
 * <ul>
 *   <li>FAULT-1: a fault that the hypervisor's handler calls fixed is fixed within 64 walks.
 *   <li>WALK-1: shadows and P2M tables name machine frames that exist.
 *   <li>EMULATE-1: an emulated access has a port to go to.
 *   <li>OP-1 … OP-4: see {@link io.umbra.processor.Op}.
 *   <li>TLB-1: a translation is cached for writing only by a walk that set the dirty bit, and never while its frame holds decoded code.
 *   <li>TLB-2: while accesses must be looked at one by one (emulation, alignment checks, data breakpoints), the fast paths have an empty bank.
 *   <li>TLB-3: whatever the TLB has for the tables in force, a walk of them gives now; unless their owner owes it the news of a lowered right, as guests do of their own tables.
 *   <li>CODE-1: a block is dropped before any of its bytes changes, whoever changes them; the running block is left behind the instruction that did.
 *   <li>REGION-1: translated code makes the same accesses as the interpreter, in the same order, data and code TLB included; planning makes none.
 *   <li>REGION-2: where a fault or the hypervisor can look, the running block and operation, registers and flags are those of the interpreter.
 *   <li>REGION-3: a block begins only if the budget covers all of it, no translation was dropped since the region was entered, and no block of it.
 *   <li>HOST-1: machine code reaches guest memory only at an address that the TLB in force gave it in the same instruction, and every region leaves within a slice of instructions.
 *   <li>HOST-2: where machine code leaves, nothing of the instruction there was done; the flags are in {@link io.umbra.processor.HostState#FLAGS} unless nobody can see them.
 *   <li>COUNT-1: an instruction is counted when it completes; a REP once; INT n when its event is delivered; nothing that faulted.
 * </ul>
 */
@NullMarked
package io.umbra.processor;

import org.jspecify.annotations.NullMarked;
