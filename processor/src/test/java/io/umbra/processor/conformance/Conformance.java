package io.umbra.processor.conformance;

import io.umbra.processor.OpcodeTables;
import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Runs random encodings of rows on both sides, each with random operands several times, and collects what differs: one difference a row and opcode. */
final class Conformance implements AutoCloseable {
    /** What the software processor walks. */
    enum Paging {
        SHADOW,
        NESTED
    }

    private static final int REPORTED = 12;
    private static final int STATES = 12;
    /** Neither side gives processes IOPL or IF to change. */
    private static final long COMPARED =
            RFlags.STATUS | RFlags.DIRECTION | RFlags.NESTED_TASK | RFlags.ALIGNMENT_CHECK | RFlags.IDENTIFICATION;

    /** One opcode of a row that may be a range. */
    private record Unit(OpcodeRow row, int opcode) {}

    private final HostSide host = new HostSide();
    private final GuestSide guest;
    private final FloatState floats = new FloatState(host);
    private final CodeMode mode;
    private final long seed;
    private final List<Unit> units;
    private final List<String> differences = new ArrayList<>();
    private final Set<Unit> differing = new HashSet<>();
    private final byte[] hostWindow = new byte[2 * Layout.REACH], guestWindow = new byte[2 * Layout.REACH];
    private final Set<Unit> covered = new HashSet<>();
    private long cases;

    Conformance(List<OpcodeRow> rows, long seed, Paging paging, CodeMode mode) {
        this.mode = mode;
        this.seed = seed;
        this.guest = new GuestSide(host.base(), paging, mode);
        this.units = rows.stream()
                .flatMap(row -> IntStream.rangeClosed(row.firstOpcode(), row.lastOpcode())
                        .mapToObj(opcode -> new Unit(row, opcode)))
                .toList();
    }

    long cases() {
        return cases;
    }

    /** Rows and opcodes that were never executed: none, unless something differed. */
    List<String> forgotten() {
        return units.stream()
                .filter(unit -> !covered.contains(unit))
                .map(Unit::toString)
                .toList();
    }

    /**
     * Every row at least once, and {@code wanted} cases at least.
     *
     * @return what differs, empty when nothing does
     */
    List<String> run(long wanted) {
        int next = 0;
        long enough = Math.ceilDiv(units.size(), Layout.SLOTS);
        for (long batch = 0; (cases < wanted || batch < enough) && differences.size() < REPORTED; batch++) {
            Random random = new Random(seed * 1_000_003 + batch);
            next = batch(random, next);
        }
        return differences;
    }

    private int batch(Random random, int first) {
        int next = first;
        List<Encoding> encodings = new ArrayList<>();
        Encoder encoder = new Encoder(random, host.base() + Layout.MIDDLE, mode);
        host.writeCode();
        for (int number = 0; number < Layout.SLOTS; number++) {
            Unit unit = units.get(next++ % units.size());
            Slot slot = new Slot(host.base(), number, random);
            Encoding encoding = encoder.encode(unit.row, unit.opcode, slot);
            byte[] code = slot.code(encoding.bytes, exit(encoding));
            host.code(slot.offset, code);
            guest.code(slot.offset, code);
            encodings.add(encoding);
        }
        host.finishCode();
        Preparation preparation = new Preparation(random, host.base() + Layout.MIDDLE);
        encodings.forEach(encoding -> states(encoding, preparation, random));
        if (differences.isEmpty() && !Arrays.equals(host.data(), guest.data())) {
            differences.add("memory beyond the window differs");
        }
        return next % units.size();
    }

    private static boolean hasFloats(Encoding encoding) {
        return OpcodeTables.isVector(encoding.mnemonic());
    }

    private static int exit(Encoding encoding) {
        return hasFloats(encoding) ? Layout.VECTOR_EXIT : encoding.mode.exit;
    }

    private void states(Encoding encoding, Preparation preparation, Random random) {
        Unit unit = new Unit(encoding.row, encoding.opcode);
        for (int n = 0; n < STATES && !differing.contains(unit); n++) {
            if (!preparation.prepare(encoding)) {
                continue;
            }
            cases++;
            covered.add(unit);
            if (hasFloats(encoding)) {
                floats.randomise(random);
                floats.load(guest.state());
            }
            String difference = compare(encoding, preparation);
            if (difference != null) {
                differing.add(unit);
                differences.add("%s at %x, case %d%n  %s%n%s"
                        .formatted(
                                encoding,
                                encoding.slot.instruction(),
                                cases,
                                difference,
                                describe(preparation) + (hasFloats(encoding) ? floats.describe() : "")));
            }
        }
    }

    /** Ours is first: an instruction that faults here is not tried on the host, where it would end the JVM. */
    private @Nullable String compare(Encoding encoding, Preparation preparation) {
        long instruction = encoding.slot.instruction();
        VcpuState state = guest.state();
        System.arraycopy(preparation.gpr, 0, state.gpr, 0, 16);
        state.rflags = preparation.rflags;
        guest.window(preparation.window);
        long retired = state.instructions;
        Exit exit = guest.run(instruction);
        if (!(exit instanceof Exit.Hypercall) || state.rip != host.base() + exit(encoding)) {
            return "ours left with %s at %x".formatted(exit, state.rip);
        }
        if (state.instructions != retired + 3) {
            return "ours retired %d instructions, not 3".formatted(state.instructions - retired);
        }
        for (int register = 0; register < 16; register++) {
            host.before.general(register, preparation.gpr[register]);
        }
        host.before.rflags(preparation.rflags);
        host.window(preparation.window);
        if (mode.is64()) {
            host.run(instruction, hasFloats(encoding));
        } else {
            host.run32(instruction);
        }
        return difference(encoding, preparation);
    }

    private @Nullable String difference(Encoding encoding, Preparation preparation) {
        VcpuState state = guest.state();
        if (host.path() != guest.path()) {
            return differ("path", host.path(), guest.path());
        }
        for (int register = 0; register < 16; register++) {
            if (host.after.general(register) != state.gpr[register]) {
                return differ("gpr " + register, host.after.general(register), state.gpr[register]);
            }
        }
        long flags = COMPARED & ~UndefinedFlags.of(encoding, preparation.gpr);
        if (((host.after.rflags() ^ state.rflags) & flags) != 0) {
            return differ("rflags", host.after.rflags(), state.rflags);
        }
        if (hasFloats(encoding)) {
            String difference = floats.difference(state);
            if (difference != null) {
                return difference;
            }
        }
        host.readWindow(hostWindow);
        guest.readWindow(guestWindow);
        int at = Arrays.mismatch(hostWindow, guestWindow);
        return at < 0
                ? null
                : differ("memory at middle%+d".formatted(at - Layout.REACH), hostWindow[at], guestWindow[at]);
    }

    static String differ(String what, long host, long ours) {
        return "%s: host %016x, ours %016x".formatted(what, host, ours);
    }

    private static String describe(Preparation preparation) {
        StringBuilder text = new StringBuilder("  from rflags %x".formatted(preparation.rflags));
        for (int register = 0; register < 16; register++) {
            text.append(
                    "%s%2d:%016x".formatted(register % 4 == 0 ? "\n   " : " ", register, preparation.gpr[register]));
        }
        return text.toString();
    }

    @Override
    public void close() {
        guest.close();
        host.close();
    }
}
