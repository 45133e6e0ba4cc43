package io.umbra.processor;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Consumer;

/**
 * The bytecode of a region while it is written, in the words in which an operation describes itself: registers, flags, memory, and calls of the methods that define the
 * flags and the arithmetic. What is called "pushed" is put on the JVM's operand stack.
 *
 * <p>Registers and flags stay where the interpreter has them, so that they are precise at any moment. What remains to be taken care of is where a fault or the
 * hypervisor can look at the processor: there {@link Cpu#running} and {@link Cpu#opIndex} must say which instruction runs. {@link #observe} sees to it.
 */
final class RegionCode {
    static final ClassDesc CPU = desc(Cpu.class);
    static final ClassDesc REGION = desc(Region.class);
    static final ClassDesc OP = desc(Op.class);
    static final ClassDesc BLOCK = desc(Block.class);
    static final ClassDesc FLAGS = desc(Flags.class);
    private static final ClassDesc MEMORY = desc(RegionMemory.class);

    private static final ClassDesc LONG = ConstantDescs.CD_long;
    private static final ClassDesc INT = ConstantDescs.CD_int;
    private static final ClassDesc VOID = ConstantDescs.CD_void;
    private static final ClassDesc BOOLEAN = ConstantDescs.CD_boolean;

    private static final MethodTypeDesc LOAD = MethodTypeDesc.of(LONG, CPU, LONG);
    private static final MethodTypeDesc STORE = MethodTypeDesc.of(VOID, CPU, LONG, LONG);

    // Local variables of Region.run.
    static final int CPU_LOCAL = 1;
    static final int ENTRY_LOCAL = 2;
    static final int REGISTERS_LOCAL = 3;
    static final int FLAGS_LOCAL = 4;
    /** Where to leave, in bytes from the running page. */
    static final int DISTANCE_LOCAL = 5;
    /** RIP of the page of the plan's first node, in a region of several pages. */
    static final int BASE_LOCAL = 6;

    final CodeBuilder out;
    /** The class that is written, whose static fields hold the blocks and operations that the code names. */
    private final ClassDesc self;

    private final List<Object> constants = new ArrayList<>();
    private final IdentityHashMap<Object, Integer> places = new IdentityHashMap<>();

    private Block block;
    private boolean isRunningSet;
    private int index;
    private boolean isObserved;

    RegionCode(CodeBuilder out, ClassDesc self, Block first) {
        this.out = out;
        this.self = self;
        this.block = first;
    }

    static ClassDesc desc(Class<?> type) {
        return ClassDesc.ofDescriptor(type.descriptorString());
    }

    /** The objects that the class's fields must hold, in order. */
    List<Object> constants() {
        return constants;
    }

    static String field(int number) {
        return "c" + number;
    }

    // ---- blocks and operations --------------------------------------------------------------------------------------

    void begin(Block next) {
        block = next;
        isRunningSet = false;
    }

    /** Writes operation {@code number} of the block, which is not its end. */
    void operation(int number) {
        index = number;
        isObserved = false;
        block.ops[number].translate(this);
        if (isObserved) {
            leaveIfAsked();
        }
    }

    /** Executes operation {@code number}, which is the block's last one. */
    void last(int number) {
        index = number;
        isObserved = false;
        execute(block.ops[number]);
    }

    /** A call of {@link Op#execute}: what an operation is that has no translation. */
    void execute(Op op) {
        observe();
        constant(op, OP);
        cpu();
        out.invokevirtual(OP, "execute", MethodTypeDesc.of(VOID, CPU));
    }

    /** To be called before anything that can fault or be seen from outside. */
    void observe() {
        if (isObserved && isRunningSet) {
            return;
        }
        isObserved = true;
        if (!isRunningSet) {
            isRunningSet = true;
            cpu();
            constant(block, BLOCK);
            out.putfield(CPU, "running", BLOCK);
        }
        cpu();
        out.loadConstant(index);
        out.putfield(CPU, "opIndex", INT);
    }

    /** The operation has written to decoded code: what comes next may be another instruction. */
    private void leaveIfAsked() {
        Label on = out.newLabel();
        cpu();
        out.getfield(CPU, "opLimit", INT);
        out.ifne(on);
        out.loadConstant(index + 1);
        out.ireturn();
        out.labelBinding(on);
    }

    private void constant(Object value, ClassDesc type) {
        Integer place = places.get(value);
        if (place == null) {
            place = constants.size();
            constants.add(value);
            places.put(value, place);
        }
        out.getstatic(self, field(place), type);
    }

    /**
     * Whether anything can see the status flags that the running operation leaves. They are dead when the operations behind it set all six before one reads them, faults, or ends
     * the block.
     */
    boolean flagsAreLive() {
        for (int next = index + 1; next < block.ops.length; next++) {
            switch (block.ops[next].flagUse()) {
                case REPLACES -> {
                    return false;
                }
                case OBSERVES -> {
                    return true;
                }
                case PASSES -> {}
            }
        }
        return true;
    }

    // ---- registers --------------------------------------------------------------------------------------------------

    void cpu() {
        out.aload(CPU_LOCAL);
    }

    /** Pushes all 64 bits. */
    void register(int register) {
        out.aload(REGISTERS_LOCAL);
        out.loadConstant(register);
        out.laload();
    }

    /** Pushes the low {@code size} bytes, zero-extended. */
    void register(int register, int size) {
        register(register);
        cut(size);
    }

    /** Sets a register of 4 or 8 bytes to what {@code value} pushes; the 4-byte form clears the upper half. */
    void setRegister(int register, int size, Runnable value) {
        out.aload(REGISTERS_LOCAL);
        out.loadConstant(register);
        value.run();
        cut(size);
        out.lastore();
    }

    /** Replaces {@code size} bytes of a register, from bit {@code shift} on, by what {@code value} pushes. */
    void insert(int register, int shift, int size, Runnable value) {
        out.aload(REGISTERS_LOCAL);
        out.loadConstant(register);
        value.run();
        cut(size);
        if (shift > 0) {
            push(shift);
            out.lshl();
        }
        register(register);
        push(~(Place.mask(size) << shift));
        out.land();
        out.lor();
        out.lastore();
    }

    /** Clears what lies above {@code size} bytes of what was pushed. */
    void cut(int size) {
        if (size < 8) {
            push(Place.mask(size));
            out.land();
        }
    }

    void mask(long mask) {
        if (mask != -1L) {
            push(mask);
            out.land();
        }
    }

    /** Extends the sign of the low {@code size} bytes of what was pushed. */
    void extend(int size) {
        switch (size) {
            case 4 -> out.l2i().i2l();
            case 2 -> out.l2i().i2s().i2l();
            case 1 -> out.l2i().i2b().i2l();
            default -> {}
        }
    }

    /** Pushes the value of {@code whenTrue} or of {@code otherwise}, by a condition of Jcc. */
    void choose(int condition, Runnable whenTrue, Runnable otherwise) {
        Label fails = out.newLabel();
        Label end = out.newLabel();
        unless(condition, fails);
        whenTrue.run();
        out.goto_(end).labelBinding(fails);
        otherwise.run();
        out.labelBinding(end);
    }

    void push(long value) {
        out.loadConstant(value);
    }

    void push(int value) {
        out.loadConstant(value);
    }

    // ---- calls ------------------------------------------------------------------------------------------------------

    /** A static method of this package, which takes what was pushed. */
    void call(Class<?> owner, String name, Class<?> result, Class<?>... parameters) {
        ClassDesc[] types = new ClassDesc[parameters.length];
        for (int i = 0; i < types.length; i++) {
            types[i] = desc(parameters[i]);
        }
        out.invokestatic(desc(owner), name, MethodTypeDesc.of(desc(result), types));
    }

    /** Pushes the result of an operation of {@link Alu}, with garbage above {@code bits}, and sets the flags if anything can see them. */
    void alu(int operation, int bits, Runnable first, Runnable second) {
        boolean live = flagsAreLive() || operation == Alu.ADC || operation == Alu.SBB;
        if (live) {
            cpu();
        }
        first.run();
        second.run();
        if (live) {
            push(bits);
            call(Alu.class, name(operation), long.class, Cpu.class, long.class, long.class, int.class);
            return;
        }
        switch (operation) {
            case Alu.ADD -> out.ladd();
            case Alu.SUB, Alu.CMP -> out.lsub();
            case Alu.OR -> out.lor();
            case Alu.XOR -> out.lxor();
            default -> out.land();
        }
    }

    private static String name(int operation) {
        return switch (operation) {
            case Alu.ADD -> "add";
            case Alu.OR -> "or";
            case Alu.ADC -> "addWithCarry";
            case Alu.SBB -> "subtractWithBorrow";
            case Alu.SUB, Alu.CMP -> "subtract";
            case Alu.XOR -> "xor";
            default -> "and";
        };
    }

    /** {@link #alu} on a register of 4 or 8 bytes, which takes the result unless the operation only compares. */
    void aluOnRegister(int operation, int target, int size, Runnable source) {
        if (operation == Alu.CMP || operation == Alu.TEST) {
            alu(operation, 8 * size, () -> register(target), source);
            out.pop2();
        } else {
            setRegister(target, size, () -> alu(operation, 8 * size, () -> register(target), source));
        }
    }

    void flags() {
        out.aload(FLAGS_LOCAL);
    }

    /** Sets the flags as after AND, OR, XOR and TEST with the {@code bits} wide result that is pushed. */
    void logicFlags(Runnable result, int bits) {
        flags();
        result.run();
        push(bits);
        out.invokevirtual(FLAGS, "logic", MethodTypeDesc.of(VOID, LONG, INT));
    }

    /** Pushes 1 or 0: whether the even one of the pair of conditions that {@code condition} is in holds. */
    void evenCondition(int condition) {
        flags();
        String name = switch (condition >> 1) {
            case 0 -> "overflow";
            case 1 -> "carry";
            case 2 -> "zero";
            case 3 -> "belowOrEqual";
            case 4 -> "sign";
            case 5 -> "parity";
            case 6 -> "less";
            default -> "lessOrEqual";
        };
        out.invokevirtual(FLAGS, name, MethodTypeDesc.of(BOOLEAN));
    }

    /** Goes on at {@code label} when the condition fails. */
    void unless(int condition, Label label) {
        evenCondition(condition);
        if ((condition & 1) == 0) {
            out.ifeq(label);
        } else {
            out.ifne(label);
        }
    }

    // ---- memory -----------------------------------------------------------------------------------------------------

    /** Pushes what LEA computes, cut to the address size. */
    void offset(Address address) {
        boolean isPushed = false;
        if (address.isRipRelative()) {
            cpu();
            out.getfield(CPU, "ripBase", LONG);
            isPushed = true;
        }
        if (address.base >= 0) {
            register(address.base);
            add(isPushed);
            isPushed = true;
        }
        if (address.index >= 0) {
            register(address.index);
            if (address.scale > 0) {
                push(address.scale);
                out.lshl();
            }
            add(isPushed);
            isPushed = true;
        }
        if (address.displacement != 0 || !isPushed) {
            push(address.displacement);
            add(isPushed);
        }
        cut(address.size);
    }

    private void add(boolean isPushed) {
        if (isPushed) {
            out.ladd();
        }
    }

    /** Pushes the linear address of an access to {@code bytes} bytes. */
    void linear(Address address, int bytes, boolean write) {
        if (address.isLegacy()) {
            cpu();
            push(address.segment);
            offset(address);
            push(bytes);
            push(write ? 1 : 0);
            out.invokevirtual(CPU, "legacyLinear", MethodTypeDesc.of(LONG, INT, LONG, INT, BOOLEAN));
            return;
        }
        offset(address);
        if (address.hasBase()) {
            cpu();
            push(address.segment);
            out.invokevirtual(CPU, "longModeBase", MethodTypeDesc.of(LONG, INT));
            out.ladd();
        }
    }

    /** Pushes the {@code size} bytes there, zero-extended. */
    void load(Address address, int size) {
        observe();
        cpu();
        linear(address, size, false);
        load(size);
    }

    /** Takes the processor and a linear address that were pushed, after {@link #observe}. */
    void load(int size) {
        out.invokestatic(MEMORY, "load" + 8 * size, LOAD);
    }

    void store(Address address, int size, Runnable value) {
        observe();
        cpu();
        linear(address, size, true);
        value.run();
        store(size);
    }

    /** {@link Cpu#rmwLoad}, {@code change} of what it gives, {@link Cpu#rmwStore}. */
    void update(Address address, int size, Consumer<Runnable> change) {
        observe();
        cpu();
        push(size);
        change.accept(() -> {
            cpu();
            linear(address, size, true);
            push(size);
            call(RegionMemory.class, "rmwLoad", long.class, Cpu.class, long.class, int.class);
        });
        call(RegionMemory.class, "rmwStore", void.class, Cpu.class, int.class, long.class);
    }

    /** Takes the processor, a linear address and a value that were pushed, after {@link #observe}. */
    void store(int size) {
        out.invokestatic(MEMORY, "store" + 8 * size, STORE);
    }
}
