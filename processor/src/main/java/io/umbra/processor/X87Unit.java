package io.umbra.processor;

import static io.umbra.processor.fp.FloatEnvironment.INVALID;

import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.Cr0;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * The x87's register stack, status and exceptions, on the registers of {@link VcpuState}. Intel SDM vol. 1, chapter 8.
 *
 * <pre>
 * status word   15 B | 14 C3 | 13..11 TOP | 10 C2 | 9 C1 | 8 C0 | 7 ES | 6 SF | 5 PE | 4 UE | 3 OE | 2 ZE | 1 DE | 0 IE
 * control word  12 infinity | 11..10 RC | 9..8 PC | 6 one | 5..0 masks
 * </pre>
 *
 * <p>An instruction works between {@link #begin} and {@link #finish}: what it raises is gathered in {@link #environment}, and nothing of the architectural state changes
 * until {@code finish}, so that a store to memory can come between them and fault.
 */
final class X87Unit {
    static final int STACK_FAULT = 1 << 6;
    static final int SUMMARY = 1 << 7;
    static final int C0 = 1 << 8, C1 = 1 << 9, C2 = 1 << 10, C3 = 1 << 14;
    static final int BUSY = 1 << 15;

    static final int CONTROL_RESET = 0x37F;

    private static final int EXCEPTIONS = FloatEnvironment.ALL;
    private static final int TOP_SHIFT = 11;
    private static final int TOP = 7 << TOP_SHIFT;
    private static final int CONTROL_ONE = 0x40;
    private static final int CONTROL_WRITABLE = 0x1F3F;
    private static final int ALL_EMPTY = 0xFF;
    private static final int OPCODE_BITS = 0x7FF;
    private static final int SIGN_EXPONENT = 0xFFFF;
    private static final long INDEFINITE = 3L << 62;

    /** Of the running instruction; SSE has one of its own. */
    final FloatEnvironment environment = new FloatEnvironment();

    // Scratch of the running instruction: operands and results.
    final Float80 a = new Float80();
    final Float80 b = new Float80();
    final Float80 result = new Float80();
    final Float80 second = new Float80();

    private final VcpuState state;
    /** SF and C1 of a stack fault of the running instruction. */
    private int stackFault;

    X87Unit(VcpuState state) {
        this.state = state;
    }

    // ---- one instruction --------------------------------------------------------------------------------------------

    void begin() {
        int control = state.x87Control;
        FloatEnvironment env = environment;
        env.masked = control & EXCEPTIONS;
        env.rounding = control >> 10 & 3;
        env.precision = precision(control >> 8 & 3);
        env.flags = 0;
        env.roundedUp = false;
        stackFault = 0;
    }

    private static int precision(int field) {
        return switch (field) {
            case 0 -> 24;
            case 2 -> 53;
            default -> 64;
        };
    }

    /** A source is empty: invalid; the masked result is the indefinite. */
    void underflow(Float80 target) {
        environment.flags |= INVALID;
        stackFault |= STACK_FAULT;
        indefinite(target);
    }

    /** The register that is pushed into is in use: invalid; the masked result is the indefinite. */
    void overflow(Float80 target) {
        underflow(target);
        stackFault |= C1;
    }

    static void indefinite(Float80 target) {
        target.set(INDEFINITE, SIGN_EXPONENT);
    }

    /** For an instruction that leaves C1 as it is, unless a stack fault says otherwise: to be called before {@link #finish}. */
    void keepC1() {
        environment.roundedUp = (state.x87Status & C1) != 0;
    }

    /**
     * Moves what the instruction raised to the status word.
     *
     * @return whether a result goes to a register: no exception that is found before computing is unmasked
     */
    boolean finish() {
        int c1 = environment.roundedUp ? C1 : 0;
        state.x87Status = state.x87Status & ~C1 | environment.flags | (stackFault != 0 ? stackFault : c1);
        summarise();
        return !environment.isUnmasked(FloatEnvironment.PRE_COMPUTATION);
    }

    /** Whether a result goes to memory: nothing is stored with these unmasked. */
    boolean stores() {
        return !environment.isUnmasked(INVALID | FloatEnvironment.OVERFLOW | FloatEnvironment.UNDERFLOW);
    }

    /** Sets C3, C2 and C0. */
    void conditions(int bits) {
        state.x87Status = state.x87Status & ~(C0 | C2 | C3) | bits;
    }

    /** Sets one of the condition bits, or C1, alone. */
    void condition(int bit, boolean value) {
        state.x87Status = value ? state.x87Status | bit : state.x87Status & ~bit;
    }

    // ---- the stack --------------------------------------------------------------------------------------------------

    int top() {
        return state.x87Status >> TOP_SHIFT & 7;
    }

    private int physical(int i) {
        return top() + i & 7;
    }

    /** @param i of ST(i); -1 is the register that a push will use */
    boolean isEmpty(int i) {
        return (state.x87Empty >> physical(i) & 1) != 0;
    }

    void read(Float80 target, int i) {
        int register = physical(i);
        target.set(state.x87Significand[register], state.x87SignExponent[register] & SIGN_EXPONENT);
    }

    void write(int i, Float80 value) {
        int register = physical(i);
        state.x87Significand[register] = value.significand;
        state.x87SignExponent[register] = value.signExponent & SIGN_EXPONENT;
        state.x87Empty &= ~(1 << register);
    }

    /** As {@link #write}, but the register stays empty if it was. */
    void restore(int i, Float80 value) {
        int empty = state.x87Empty;
        write(i, value);
        state.x87Empty = empty;
    }

    void push(Float80 value) {
        rotate(-1);
        write(0, value);
    }

    void pop() {
        free(0);
        rotate(1);
    }

    void free(int i) {
        state.x87Empty |= 1 << physical(i);
    }

    void rotate(int by) {
        state.x87Status = state.x87Status & ~TOP | physical(by) << TOP_SHIFT;
    }

    // ---- exceptions -------------------------------------------------------------------------------------------------

    /**
     * What a waiting instruction does first: an unmasked exception of an earlier one raises #MF. With CR0.NE clear it would be reported by the FERR# pin, through the interrupt
     * controller; no pin is modelled, and execution goes on as with IGNNE# asserted.
     */
    void checkPending(Cpu cpu) {
        if ((state.x87Status & SUMMARY) != 0 && (state.cr0 & Cr0.NUMERIC_ERROR) != 0) {
            throw cpu.fault(Vector.FLOATING_POINT);
        }
    }

    /** ES and B follow the flags and the masks. */
    void summarise() {
        boolean pending = (state.x87Status & ~state.x87Control & EXCEPTIONS) != 0;
        state.x87Status = pending ? state.x87Status | SUMMARY | BUSY : state.x87Status & ~(SUMMARY | BUSY);
    }

    // ---- control ----------------------------------------------------------------------------------------------------

    void control(int word) {
        state.x87Control = word & CONTROL_WRITABLE | CONTROL_ONE;
        summarise();
    }

    void maskAll() {
        control(state.x87Control | EXCEPTIONS);
    }

    /** FNINIT; the registers keep their values. */
    void initialise() {
        state.x87Control = CONTROL_RESET;
        state.x87Status = 0;
        state.x87Empty = ALL_EMPTY;
        state.x87Opcode = 0;
        state.x87InstructionPointer = 0;
        state.x87InstructionSelector = 0;
        state.x87DataPointer = 0;
        state.x87DataSelector = 0;
    }

    void clearExceptions() {
        state.x87Status &= ~(EXCEPTIONS | STACK_FAULT | SUMMARY | BUSY);
    }

    /** The tag word: two bits a physical register, 0 valid, 1 zero, 2 special, 3 empty. */
    int tags() {
        int word = 0;
        for (int register = 0; register < 8; register++) {
            word |= tag(register) << 2 * register;
        }
        return word;
    }

    private int tag(int register) {
        if ((state.x87Empty >> register & 1) != 0) {
            return 3;
        }
        a.set(state.x87Significand[register], state.x87SignExponent[register] & SIGN_EXPONENT);
        return switch (Float80.classify(a)) {
            case NORMAL -> 0;
            case ZERO -> 1;
            case UNSUPPORTED, NAN, INFINITY, DENORMAL, EMPTY -> 2;
        };
    }

    /** Takes from a tag word which registers are empty; the rest follows from their values. */
    void tags(int word) {
        int empty = 0;
        for (int register = 0; register < 8; register++) {
            empty |= (word >> 2 * register & 3) == 3 ? 1 << register : 0;
        }
        state.x87Empty = empty;
    }

    /** The last instruction, for FNSTENV and its like. */
    void lastInstruction(int opcode, long pointer) {
        state.x87Opcode = opcode & OPCODE_BITS;
        state.x87InstructionPointer = pointer;
        state.x87InstructionSelector = state.segments[VcpuState.CS].selector;
    }

    void lastOperand(int segment, long offset) {
        state.x87DataPointer = offset;
        state.x87DataSelector = state.segments[segment].selector;
    }
}
