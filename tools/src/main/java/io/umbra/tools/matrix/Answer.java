package io.umbra.tools.matrix;

import io.umbra.x86.PageFaultCode;

/** What becomes of an access. */
public sealed interface Answer {

    /** It reached the guest frame: the bytes read came from there, or those written are there now. */
    record Reached(long gfn) implements Answer {
        @Override
        public String toString() {
            return "reaches guest frame 0x" + Long.toHexString(gfn);
        }
    }

    /** A write that was permitted and changed nothing anywhere: to read-only memory. */
    record Discarded() implements Answer {
        @Override
        public String toString() {
            return "is permitted and discarded";
        }
    }

    /** #PF with this code. */
    record Fault(int code) implements Answer {
        @Override
        public String toString() {
            return "#PF(" + PageFaultCode.describe(code) + ")";
        }
    }

    /** None: something that must never happen did. */
    record Broken(String message) implements Answer {
        @Override
        public String toString() {
            return "breaks: " + message;
        }
    }
}
