package io.umbra.tools.trace;

import io.umbra.shadow.Counter;
import io.umbra.shadow.DirtyCause;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.ShadowType;
import io.umbra.x86.PageFaultCode;
import java.util.Locale;

/** What the value of a field means, by the field's name. */
final class FieldText {
    private FieldText() {}

    static String of(String field, long value) {
        return switch (field) {
            case "linear", "gpa", "rip", "gfn", "mfn", "frame", "old", "entry", "value" ->
                value == -1 ? "none" : "0x" + Long.toHexString(value);
            case "code", "access" -> PageFaultCode.describe((int) value);
            case "type" -> constant(ShadowType.values(), value);
            case "outcome" -> constant(Outcome.values(), value);
            case "reason" -> constant(Outcome.values(), value);
            case "result" -> constant(Result.values(), value);
            case "p2m" -> constant(P2mType.values(), value);
            case "cause" -> constant(DirtyCause.values(), value);
            case "counter" -> constant(Counter.values(), value);
            case "register" -> "CR" + value;
            case "gone", "loaded", "on", "whole" -> value == 0 ? "no" : "yes";
            default -> Long.toString(value);
        };
    }

    /** Whether {@link #of} gives a number in decimal. */
    static boolean isDecimal(String field) {
        return switch (field) {
            case "vcpu", "level", "step", "offset", "size", "index", "frames", "length", "faults", "amount", "status" ->
                true;
            default -> false;
        };
    }

    /** A constant that is not there is shown by its number: a file may say anything. */
    private static String constant(Enum<?>[] constants, long value) {
        return value >= 0 && value < constants.length
                ? constants[(int) value].name().toLowerCase(Locale.ROOT).replace('_', '-')
                : "?" + value;
    }
}
