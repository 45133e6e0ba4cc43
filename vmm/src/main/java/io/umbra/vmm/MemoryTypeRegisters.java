package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * The memory type range registers, as firmware leaves them: memory is write-back, devices are uncacheable. A guest can read and change them by the rules of the manual; the machine has no caches, so they have
 * no effect. Intel SDM vol. 3A, "Memory Type Range Registers (MTRRs)".
 */
final class MemoryTypeRegisters implements Persistent {
    private static final int CAPABILITIES = 0xFE;
    private static final int FIRST_VARIABLE = 0x200;
    private static final int VARIABLE_RANGES = 8;
    private static final int DEFAULT_TYPE = 0x2FF;
    /** Eight ranges each, a byte a range: of 64 KiB from 0, of 16 KiB from 0x80000, of 4 KiB from 0xC0000. */
    private static final int[] FIXED = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26A, 0x26B, 0x26C, 0x26D, 0x26E, 0x26F};

    private static final long WRITE_PROTECTED = 0x0505_0505_0505_0505L;
    private static final long WRITE_BACK = 0x0606_0606_0606_0606L;
    private static final long UNCACHEABLE = 0;

    private static final long FIXED_SUPPORTED = 1 << 8;
    private static final long WRITE_COMBINING_SUPPORTED = 1 << 10;
    private static final long FIXED_ENABLED = 1 << 10;
    private static final long ENABLED = 1 << 11;
    private static final long VALID = 1 << 11;
    private static final long FRAMES = (1L << CpuFeatures.PHYSICAL_ADDRESS_BITS) - 4096;

    private final Map<Integer, Long> values = new TreeMap<>();

    MemoryTypeRegisters() {
        for (int i = 0; i < 2 * VARIABLE_RANGES; i++) {
            values.put(FIRST_VARIABLE + i, 0L);
        }
        // Devices have the fourth GiB.
        values.put(FIRST_VARIABLE, 0xC000_0000L);
        values.put(FIRST_VARIABLE + 1, FRAMES & -(1L << 30) | VALID);
        for (int index : FIXED) {
            values.put(index, index >= 0x268 ? WRITE_PROTECTED : index == 0x259 ? UNCACHEABLE : WRITE_BACK);
        }
        values.put(DEFAULT_TYPE, ENABLED | FIXED_ENABLED | 6);
    }

    static boolean has(int index) {
        return index == CAPABILITIES || index == DEFAULT_TYPE || isVariable(index) || isFixed(index);
    }

    private static boolean isVariable(int index) {
        return index >= FIRST_VARIABLE && index < FIRST_VARIABLE + 2 * VARIABLE_RANGES;
    }

    private static boolean isFixed(int index) {
        for (int fixed : FIXED) {
            if (fixed == index) {
                return true;
            }
        }
        return false;
    }

    OptionalLong read(int index) {
        return index == CAPABILITIES
                ? OptionalLong.of(VARIABLE_RANGES | FIXED_SUPPORTED | WRITE_COMBINING_SUPPORTED)
                : OptionalLong.of(values.getOrDefault(index, 0L));
    }

    /** @return false when WRMSR raises #GP: the register is read-only, or a bit or a type is reserved */
    boolean write(int index, long value) {
        boolean good;
        if (index == DEFAULT_TYPE) {
            good = (value & ~(ENABLED | FIXED_ENABLED | 0xFF)) == 0 && isType(value & 0xFF);
        } else if (isFixed(index)) {
            good = true;
            for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
                good &= isType(value >>> shift & 0xFF);
            }
        } else if (isVariable(index)) {
            boolean isMask = (index & 1) != 0;
            good = isMask ? (value & ~(FRAMES | VALID)) == 0 : (value & ~(FRAMES | 0xFF)) == 0 && isType(value & 0xFF);
        } else {
            good = false;
        }
        if (good) {
            values.put(index, value);
        }
        return good;
    }

    @Override
    public String stateName() {
        return "memory-types";
    }

    @Override
    public void save(StateWriter out) {
        values.forEach((index, value) -> {
            out.word(index);
            out.quad(value);
        });
    }

    @Override
    public void restore(StateReader in) throws StateException {
        for (int index : values.keySet()) {
            if (in.word() != index || !write(index, in.quad())) {
                throw in.refuse("no value that register 0x%x can have".formatted(index));
            }
        }
    }

    /** UC, WC, WT, WP, WB. */
    private static boolean isType(long type) {
        return type == 0 || type == 1 || type >= 4 && type <= 6;
    }
}
