/**
 * The stream that carries a domain to a file or to another machine, in the layout of Xen's migration stream, version 3 (docs/specs/libxc-migration-stream), as far as it applies to guests with
 * hardware's help. Numbers are little-endian but for those of the image header.
 *
 * <pre>
 *  image header    8 marker, all ones | 4 "XENF" | 4 version 3 | 2 options, bit 0: big-endian | 6 zero
 *  domain header   4 type, 2 for HVM | 2 page shift, 12 | 2 zero | 4 major | 4 minor version of the saving hypervisor
 *  records         4 type | 4 length of the body | body | zeroes up to a multiple of 8
 * </pre>
 *
 * <p>The order of records: what does not change ({@link io.umbra.vmm.migrate.RecordType#MACHINE}, {@code CPUID_POLICY}, {@code STATIC_DATA_END}); pages, each as often as it has to; perhaps
 * {@code VERIFY} and all pages again; {@code TSC_INFO}, {@code HVM_PARAMS} if there are any, {@code HVM_CONTEXT}; {@code CHECKSUM}; {@code END}.
 *
 * <p>What differs from Xen: the body of {@code HVM_CONTEXT} has our own devices, in sub-records of {@link io.umbra.vmm.state.StateFormat}; {@code MACHINE} and {@code CHECKSUM} are
 * records of our own.
 */
@NullMarked
package io.umbra.vmm.migrate;

import org.jspecify.annotations.NullMarked;
