package io.umbra.processor;

import io.umbra.processor.RegionPlan.Node;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes the class of a {@link Region}: one method in which each block of the plan is a stretch of code with a label, and the branches between them are jumps.
 *
 * <pre>
 *  a block       may it run (budget, events)? else leave at its beginning
 *                its operations, as each of them {@linkplain Op#translate describes itself}
 *                count it; go to the next block's label, or leave
 *  into another  ask the code TLB whether the page is the one that the plan was made from; else leave
 *    page
 *  return,       set RIP, and look for it among the entries of this region; else leave
 *    indirect
 *  system        execute it and leave: the run loop sees to what follows
 * </pre>
 */
final class RegionWriter {
    /** HotSpot does not compile larger methods. */
    static final int LARGEST_METHOD = 8000;

    /** By this name the launcher's options for the JIT compiler know the translated methods. */
    private static final ClassDesc SELF = ClassDesc.of("io.umbra.processor.TranslatedRegion");

    private static final ClassDesc PLAN = RegionCode.desc(RegionPlan.class);
    private static final ClassDesc LOOKUP = RegionCode.desc(MethodHandles.Lookup.class);
    private static final ClassDesc OBJECTS = ConstantDescs.CD_Object.arrayType();
    private static final MethodTypeDesc CONSTRUCTOR = MethodTypeDesc.of(ConstantDescs.CD_void, PLAN);

    private final RegionPlan plan;
    private List<Object> constants = List.of();

    // Of the method that is being written.
    private final List<Label> labels = new ArrayList<>();
    private @Nullable RegionCode code;
    private @Nullable Label leave;
    private @Nullable Label done;
    private @Nullable Label dispatch;

    RegionWriter(RegionPlan plan) {
        this.plan = plan;
    }

    /** The class file. */
    byte[] write() {
        return ClassFile.of().build(SELF, this::writeClass);
    }

    /** Of the method, in bytes. */
    static int length(byte[] classFile) {
        return ClassFile.of().parse(classFile).methods().stream()
                .filter(method -> method.methodName().equalsString("run"))
                .flatMap(method -> method.findAttribute(Attributes.code()).stream())
                .mapToInt(CodeAttribute::codeLength)
                .sum();
    }

    /** What its class data must be: the blocks and operations that it names. */
    List<Object> constants() {
        return constants;
    }

    private void writeClass(ClassBuilder type) {
        type.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC).withSuperclass(RegionCode.REGION);
        type.withMethodBody(
                "run",
                MethodTypeDesc.of(ConstantDescs.CD_int, RegionCode.CPU, ConstantDescs.CD_int),
                0,
                this::writeRun);
        type.withMethodBody(
                ConstantDescs.INIT_NAME,
                CONSTRUCTOR,
                0,
                out -> out.aload(0)
                        .aload(1)
                        .invokespecial(RegionCode.REGION, ConstantDescs.INIT_NAME, CONSTRUCTOR)
                        .return_());
        for (int i = 0; i < constants.size(); i++) {
            type.withField(RegionCode.field(i), typeOf(constants.get(i)), ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
        }
        type.withMethodBody(
                ConstantDescs.CLASS_INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_STATIC, this::writeInitializer);
    }

    private static ClassDesc typeOf(Object constant) {
        return constant instanceof Block ? RegionCode.BLOCK : RegionCode.OP;
    }

    /** Takes the constants out of the class data, so that they are constants to the JIT compiler, too. */
    private void writeInitializer(CodeBuilder out) {
        out.invokestatic(RegionCode.desc(MethodHandles.class), "lookup", MethodTypeDesc.of(LOOKUP))
                .loadConstant("_")
                .loadConstant(OBJECTS)
                .invokestatic(
                        RegionCode.desc(MethodHandles.class),
                        "classData",
                        MethodTypeDesc.of(
                                ConstantDescs.CD_Object, LOOKUP, ConstantDescs.CD_String, ConstantDescs.CD_Class))
                .checkcast(OBJECTS)
                .astore(0);
        for (int i = 0; i < constants.size(); i++) {
            ClassDesc type = typeOf(constants.get(i));
            out.aload(0).loadConstant(i).aaload().checkcast(type).putstatic(SELF, RegionCode.field(i), type);
        }
        out.return_();
    }

    // ---- the method -------------------------------------------------------------------------------------------------

    private RegionCode code() {
        return present(code);
    }

    private static <T> T present(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("no method is being written");
        }
        return value;
    }

    private void writeRun(CodeBuilder out) {
        RegionCode writing = new RegionCode(out, SELF, plan.root());
        code = writing;
        leave = out.newLabel();
        done = out.newLabel();
        dispatch = out.newLabel();
        labels.clear();
        for (int i = 0; i < plan.nodes().size(); i++) {
            labels.add(out.newLabel());
        }
        prologue(out);
        for (Node node : plan.nodes()) {
            writeNode(out, node);
        }
        writeDispatch(out);
        out.labelBinding(present(leave));
        writing.cpu();
        out.iload(RegionCode.DISTANCE_LOCAL);
        writing.call(Region.class, "leaveAt", void.class, Cpu.class, int.class);
        out.labelBinding(present(done)).iconst_0().ireturn();
        constants = writing.constants();
    }

    private Label label(Node node) {
        return labels.get(node.index);
    }

    private void prologue(CodeBuilder out) {
        out.aload(RegionCode.CPU_LOCAL)
                .getfield(RegionCode.CPU, "gpr", ConstantDescs.CD_long.arrayType())
                .astore(RegionCode.REGISTERS_LOCAL)
                .aload(RegionCode.CPU_LOCAL)
                .getfield(RegionCode.CPU, "flags", RegionCode.FLAGS)
                .astore(RegionCode.FLAGS_LOCAL);
        List<SwitchCase> cases = new ArrayList<>();
        List<Runnable> arrivals = new ArrayList<>();
        for (Node node : plan.nodes()) {
            if (node.isEntry) {
                cases.add(SwitchCase.of(node.index, plan.isOnePage() ? label(node) : arrival(out, node, arrivals)));
            }
        }
        out.iload(RegionCode.ENTRY_LOCAL).lookupswitch(present(done), cases);
        arrivals.forEach(Runnable::run);
    }

    /** Finds out where the first node's page is now. */
    private Label arrival(CodeBuilder out, Node node, List<Runnable> arrivals) {
        Label arrival = out.newLabel();
        arrivals.add(() -> out.labelBinding(arrival)
                .aload(RegionCode.CPU_LOCAL)
                .getfield(RegionCode.CPU, "ripBase", ConstantDescs.CD_long)
                .loadConstant(node.page * 4096L)
                .lsub()
                .lstore(RegionCode.BASE_LOCAL)
                .goto_(label(node)));
        return arrival;
    }

    private void writeNode(CodeBuilder out, Node node) {
        Block block = node.block;
        int length = block.ops.length;
        Label enter = out.newLabel();
        out.labelBinding(label(node));
        code().cpu();
        out.loadConstant(length);
        code().call(Region.class, node.isLoopHead ? "mayRepeat" : "mayEnter", boolean.class, Cpu.class, int.class);
        out.ifne(enter);
        leaveAt(out, block.start);
        out.labelBinding(enter);
        code().begin(block);
        int plain = block.endsWithControl ? length - 1 : length;
        for (int i = 0; i < plain; i++) {
            code().operation(i);
        }
        if (block.endsWithControl) {
            writeEnd(out, node, block.ops[length - 1]);
        } else {
            retire(out, node);
            goTo(out, node, block.end);
        }
    }

    private void writeEnd(CodeBuilder out, Node node, Op last) {
        int number = node.block.ops.length - 1;
        if (!(last instanceof Branch branch)) {
            code().last(number);
            out.loadConstant(number + 1).ireturn();
            return;
        }
        Branch.Kind kind = branch.distance() == Branch.NOWHERE ? Branch.Kind.OTHER : branch.kind();
        switch (kind) {
            case JUMP -> writeTaken(out, node, branch);
            case CALL -> writeCall(out, node, branch);
            case CONDITIONAL -> {
                Label notTaken = out.newLabel();
                code().unless(branch.condition(), notTaken);
                writeTaken(out, node, branch);
                out.labelBinding(notTaken);
                retire(out, node);
                goTo(out, node, node.block.end);
            }
            case OTHER -> {
                code().last(number);
                retire(out, node);
                out.goto_(present(dispatch));
            }
        }
    }

    private void writeTaken(CodeBuilder out, Node node, Branch branch) {
        if (branch.distance() >>> 12 == 0) {
            retire(out, node);
            goTo(out, node, (int) branch.distance());
            return;
        }
        Node target = target(node, branch.distance());
        if (target != null) {
            Label miss = out.newLabel();
            entersPage(out, (int) branch.distance(), target);
            out.ifeq(miss);
            retire(out, node);
            out.goto_(label(target));
            out.labelBinding(miss);
        }
        code().last(node.block.ops.length - 1);
        retire(out, node);
        out.goto_(present(done));
    }

    /** The return address is pushed and RIP is set; then the target is a block like any other. */
    private void writeCall(CodeBuilder out, Node node, Branch branch) {
        code().last(node.block.ops.length - 1);
        retire(out, node);
        Node target = target(node, branch.distance());
        if (target == null) {
            out.goto_(present(done));
            return;
        }
        if (target.page != node.page) {
            code().cpu();
            out.loadConstant(target.block.host);
            code().call(Region.class, "entersAtRip", boolean.class, Cpu.class, long.class);
            out.ifeq(present(done));
        }
        out.goto_(label(target));
    }

    private @Nullable Node target(Node from, long distance) {
        return plan.at(from.page * 4096L + distance);
    }

    private void retire(CodeBuilder out, Node node) {
        code().cpu();
        out.loadConstant(node.block.ops.length);
        code().call(Region.class, "retire", void.class, Cpu.class, int.class);
    }

    /** On to the block so far from the running page's beginning, in this page or the next one. */
    private void goTo(CodeBuilder out, Node from, int distance) {
        Node to = target(from, distance);
        if (to == null) {
            leaveAt(out, distance);
        } else if (to.page == from.page) {
            out.goto_(label(to));
        } else {
            entersPage(out, distance, to);
            out.ifne(label(to));
            leaveAt(out, distance);
        }
    }

    private void entersPage(CodeBuilder out, int distance, Node to) {
        code().cpu();
        out.loadConstant(distance);
        out.loadConstant(to.block.host);
        code().call(Region.class, "entersPage", boolean.class, Cpu.class, int.class, long.class);
    }

    private void leaveAt(CodeBuilder out, int distance) {
        out.loadConstant(distance).istore(RegionCode.DISTANCE_LOCAL).goto_(present(leave));
    }

    /** RIP is set: is it at an entry of this region? */
    private void writeDispatch(CodeBuilder out) {
        out.labelBinding(present(dispatch));
        code().cpu();
        if (plan.isOnePage()) {
            code().cpu();
            out.getfield(RegionCode.CPU, "ripBase", ConstantDescs.CD_long);
        } else {
            out.lload(RegionCode.BASE_LOCAL);
        }
        code().call(Region.class, "distance", int.class, Cpu.class, long.class);
        List<SwitchCase> cases = new ArrayList<>();
        List<Runnable> arrivals = new ArrayList<>();
        for (Node node : plan.nodes()) {
            if (node.isEntry) {
                Label arrival = plan.isOnePage() ? label(node) : out.newLabel();
                cases.add(SwitchCase.of(node.distance(), arrival));
                if (!plan.isOnePage()) {
                    arrivals.add(() -> arriveAtRip(out, node, arrival));
                }
            }
        }
        out.lookupswitch(present(done), cases);
        arrivals.forEach(Runnable::run);
    }

    private void arriveAtRip(CodeBuilder out, Node node, Label arrival) {
        out.labelBinding(arrival);
        code().cpu();
        out.loadConstant(node.block.host);
        code().call(Region.class, "entersAtRip", boolean.class, Cpu.class, long.class);
        out.ifne(label(node));
        out.goto_(present(done));
    }
}
