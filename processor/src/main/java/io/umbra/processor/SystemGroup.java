package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.jspecify.annotations.Nullable;

/** Makes the operations of the system instructions, of port I/O and of far transfers. */
final class SystemGroup {
    /** @return null when {@code i} is none of these */
    static @Nullable Op make(Instruction i, int offsetInPage) {
        SystemOp.Action action = transfer(i, offsetInPage);
        if (action == null) {
            action = register(i, offsetInPage);
        }
        if (action == null) {
            action = table(i, offsetInPage);
        }
        if (action == null) {
            action = plain(i, offsetInPage);
        }
        if (action == null) {
            return null;
        }
        boolean onStack = i.hasMemory() && i.segment == VcpuState.SS;
        return new SystemOp(action, onStack, i.mnemonic != Mnemonic.SYSCALL);
    }

    private static SystemOp.@Nullable Action transfer(Instruction i, int at) {
        int size = i.operandSize;
        return switch (i.mnemonic) {
            case JMP_FAR -> far(i, at, FarTransfer::jump);
            case CALL_FAR -> far(i, at, (cpu, selector, offset) -> FarTransfer.call(cpu, selector, offset, size));
            case RET_FAR -> {
                int release = i.operands.length == 0 ? 0 : (int) i.operands[0].value() & 0xFFFF;
                yield (cpu, op) -> FarTransfer.ret(cpu, size, release);
            }
            case IRET -> (cpu, op) -> InterruptReturn.iret(cpu, size);
            case SYSCALL -> FastCalls::syscall;
            case SYSRET -> (cpu, op) -> FastCalls.sysret(cpu, size);
            case SYSENTER -> FastCalls::sysenter;
            case SYSEXIT -> (cpu, op) -> FastCalls.sysexit(cpu, size);
            case LDS -> farPointer(i, at, VcpuState.DS);
            case LES -> farPointer(i, at, VcpuState.ES);
            case LFS -> farPointer(i, at, VcpuState.FS);
            case LGS -> farPointer(i, at, VcpuState.GS);
            case LSS -> farPointer(i, at, VcpuState.SS);
            default -> null;
        };
    }

    @FunctionalInterface
    private interface FarTarget {
        void go(Cpu cpu, int selector, long offset);
    }

    /** ptr16:16, ptr16:32 in the instruction, or m16:16, m16:32, m16:64. */
    private static SystemOp.Action far(Instruction i, int at, FarTarget transfer) {
        Operand operand = i.operands[0];
        if (operand.kind() == Kind.FAR_POINTER) {
            long offset = operand.value() & Place.mask(i.operandSize);
            return (cpu, op) -> transfer.go(cpu, operand.register() & 0xFFFF, offset);
        }
        Address address = i.address(at);
        int size = i.operandSize;
        boolean mode64 = i.mode == 64;
        return (cpu, op) -> {
            long linear = address.linear(cpu, size + 2);
            long offset = cpu.load(linear, size);
            int selector = (int) cpu.load16(mode64 ? linear + size : linear + size & 0xFFFF_FFFFL);
            transfer.go(cpu, selector, offset);
        };
    }

    private static SystemOp.Action farPointer(Instruction i, int at, int segment) {
        Address address = i.address(at);
        int register = i.operands[0].register();
        int size = i.operandSize;
        boolean mode64 = i.mode == 64;
        return (cpu, op) -> {
            long linear = address.linear(cpu, size + 2);
            long offset = cpu.load(linear, size);
            int selector = (int) cpu.load16(mode64 ? linear + size : linear + size & 0xFFFF_FFFFL);
            SegmentUnit.load(cpu, segment, selector);
            cpu.setRegister(register, size, offset);
            if (segment == VcpuState.SS) {
                cpu.state.interruptShadow = true;
            }
        };
    }

    private static SystemOp.@Nullable Action register(Instruction i, int at) {
        return switch (i.mnemonic) {
            case MOV_CR -> moveControl(i);
            case MOV_DR -> moveDebug(i);
            case CLTS -> (cpu, op) -> ControlRegisters.clearTaskSwitched(cpu);
            case LMSW -> {
                Place source = Place.of(i, 0, 2, at);
                yield (cpu, op) -> ControlRegisters.loadStatusWord(cpu, source.read(cpu));
            }
            case SMSW -> {
                Place target = stored(i, at);
                yield (cpu, op) -> target.write(cpu, cpu.state.cr0);
            }
            case XGETBV ->
                (cpu, op) -> {
                    long value = ExtendedState.read(cpu);
                    cpu.gpr[VcpuState.RAX] = value & 0xFFFF_FFFFL;
                    cpu.gpr[VcpuState.RDX] = value >>> 32;
                };
            case XSETBV -> (cpu, op) -> ExtendedState.write(cpu);
            case RDMSR -> ModelSpecificRegisters::read;
            case WRMSR -> ModelSpecificRegisters::write;
            case SWAPGS -> (cpu, op) -> swapGs(cpu);
            case RDPKRU -> (cpu, op) -> readKeyRights(cpu);
            case WRPKRU -> (cpu, op) -> writeKeyRights(cpu);
            case CLAC -> (cpu, op) -> alignmentFlag(cpu, false);
            case STAC -> (cpu, op) -> alignmentFlag(cpu, true);
            case RDTSC -> (cpu, op) -> readTimeStamp(cpu, op, false);
            case RDTSCP -> (cpu, op) -> readTimeStamp(cpu, op, true);
            default -> null;
        };
    }

    /** A register of operand size, or a word in memory. */
    private static Place stored(Instruction i, int at) {
        return Place.of(i, 0, i.operands[0].isMemory() ? 2 : i.operandSize, at);
    }

    private static SystemOp.Action moveControl(Instruction i) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        int size = i.mode == 64 ? 8 : 4;
        if (to.kind() == Kind.CONTROL) {
            return (cpu, op) -> ControlRegisters.write(cpu, to.register(), cpu.register(from.register(), size));
        }
        return (cpu, op) -> cpu.setRegister(to.register(), size, ControlRegisters.read(cpu, from.register()));
    }

    private static SystemOp.Action moveDebug(Instruction i) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        int size = i.mode == 64 ? 8 : 4;
        if (to.kind() == Kind.DEBUG) {
            return (cpu, op) -> DebugUnit.write(cpu, to.register(), cpu.register(from.register(), size));
        }
        return (cpu, op) -> cpu.setRegister(to.register(), size, DebugUnit.read(cpu, from.register()));
    }

    private static void swapGs(Cpu cpu) {
        ControlRegisters.requireKernel(cpu);
        SegmentRegister gs = cpu.state.segments[VcpuState.GS];
        long base = gs.base;
        gs.base = cpu.state.kernelGsBase;
        cpu.state.kernelGsBase = base;
    }

    private static void alignmentFlag(Cpu cpu, boolean value) {
        if (cpu.state.cpl != 0) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
        long rest = cpu.state.rflags & ~RFlags.ALIGNMENT_CHECK;
        cpu.state.rflags = value ? rest | RFlags.ALIGNMENT_CHECK : rest;
        cpu.privilegeChanged();
    }

    private static void readKeyRights(Cpu cpu) {
        requireKeys(cpu);
        cpu.setRegister(VcpuState.RAX, 4, cpu.state.pkru);
        cpu.setRegister(VcpuState.RDX, 4, 0);
    }

    private static void writeKeyRights(Cpu cpu) {
        requireKeys(cpu);
        if (cpu.register(VcpuState.RDX, 4) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        cpu.protectionKeyRights((int) cpu.gpr[VcpuState.RAX]);
    }

    private static void requireKeys(Cpu cpu) {
        if ((cpu.state.cr4 & Cr4.PROTECTION_KEYS) == 0) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
        if (cpu.register(VcpuState.RCX, 4) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    private static void readTimeStamp(Cpu cpu, Op op, boolean withAux) {
        VcpuState state = cpu.state;
        if (state.cpl != 0 && (state.cr4 & Cr4.TIME_STAMP_DISABLE) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        if (cpu.intercepts.timeStamp()) {
            cpu.exitBefore(new Exit.TimeStamp(withAux, op.length));
            return;
        }
        long value = cpu.retired() + state.tscOffset;
        cpu.setRegister(VcpuState.RAX, 4, value);
        cpu.setRegister(VcpuState.RDX, 4, value >>> 32);
        if (withAux) {
            cpu.setRegister(VcpuState.RCX, 4, state.tscAux);
        }
    }

    private static SystemOp.@Nullable Action table(Instruction i, int at) {
        boolean mode64 = i.mode == 64;
        int size = i.operandSize;
        return switch (i.mnemonic) {
            case SGDT, SIDT -> {
                Address address = i.address(at);
                boolean global = i.mnemonic == Mnemonic.SGDT;
                yield (cpu, op) -> DescriptorOps.storeTable(
                        cpu,
                        address,
                        mode64,
                        global ? cpu.state.gdtLimit : cpu.state.idtLimit,
                        global ? cpu.state.gdtBase : cpu.state.idtBase);
            }
            case LGDT, LIDT -> {
                Address address = i.address(at);
                boolean global = i.mnemonic == Mnemonic.LGDT;
                yield (cpu, op) -> DescriptorOps.loadTable(cpu, address, mode64, size, global);
            }
            case SLDT, STR -> {
                Place target = stored(i, at);
                boolean local = i.mnemonic == Mnemonic.SLDT;
                yield (cpu, op) -> {
                    DescriptorOps.requireProtected(cpu);
                    target.write(cpu, local ? cpu.state.ldtr.selector : cpu.state.tr.selector);
                };
            }
            case LLDT -> {
                Place source = Place.of(i, 0, 2, at);
                yield (cpu, op) -> DescriptorOps.loadLocalTable(cpu, source);
            }
            case LTR -> {
                Place source = Place.of(i, 0, 2, at);
                yield (cpu, op) -> DescriptorOps.loadTaskRegister(cpu, source);
            }
            case LAR, LSL -> {
                Place source = Place.of(i, 1, 2, at);
                int register = i.operands[0].register();
                boolean rights = i.mnemonic == Mnemonic.LAR;
                yield (cpu, op) -> {
                    if (rights) {
                        DescriptorOps.loadRights(cpu, source, register, size);
                    } else {
                        DescriptorOps.loadLimit(cpu, source, register, size);
                    }
                };
            }
            case VERR, VERW -> {
                Place source = Place.of(i, 0, 2, at);
                boolean write = i.mnemonic == Mnemonic.VERW;
                yield (cpu, op) -> DescriptorOps.verify(cpu, source, write);
            }
            case ARPL -> {
                Place destination = Place.of(i, 0, 2, at);
                Place source = Place.of(i, 1, 2, at);
                yield (cpu, op) -> DescriptorOps.adjustPrivilege(cpu, destination, source);
            }
            default -> null;
        };
    }

    private static SystemOp.@Nullable Action plain(Instruction i, int at) {
        return switch (i.mnemonic) {
            case IN -> PortOps.in(i);
            case OUT -> PortOps.out(i);
            case INS -> PortOps.insertString(i);
            case OUTS -> PortOps.outputString(i);
            case HLT ->
                (cpu, op) -> {
                    ControlRegisters.requireKernel(cpu);
                    cpu.exitAfter(new Exit.Halt());
                };
            case CPUID -> (cpu, op) -> cpu.exitBefore(new Exit.Cpuid(op.length));
            case VMCALL, VMMCALL -> (cpu, op) -> cpu.exitBefore(new Exit.Hypercall(op.length));
            case INVD, WBINVD -> (cpu, op) -> ControlRegisters.requireKernel(cpu);
            case RDPMC ->
                (cpu, op) -> {
                    throw cpu.fault(Vector.GENERAL_PROTECTION);
                };
            case INVLPG -> invalidatePage(i.address(at), i.mode == 64);
            case INVPCID -> invalidateContext(i, i.address(at));
            default -> null;
        };
    }

    /** The segment's limit does not count, and a non-canonical address is no fault. */
    private static SystemOp.Action invalidatePage(Address address, boolean mode64) {
        return (cpu, op) -> {
            ControlRegisters.requireKernel(cpu);
            long offset = address.offset(cpu);
            long linear = mode64
                    ? offset + cpu.longModeBase(address.segment)
                    : offset + cpu.state.segments[address.segment].base & 0xFFFF_FFFFL;
            cpu.memory.invalidate(cpu, linear);
            if (cpu.intercepts.invalidatePage()) {
                cpu.exitAfter(new Exit.InvalidatePage(linear));
            }
        };
    }

    /** The descriptor in memory: the PCID in its first eight bytes, the linear address in the others. */
    private static SystemOp.Action invalidateContext(Instruction i, Address address) {
        int register = i.operands[0].register();
        boolean mode64 = i.mode == 64;
        return (cpu, op) -> {
            if (!cpu.features.contextIdentifiers()) {
                throw cpu.fault(Vector.INVALID_OPCODE);
            }
            ControlRegisters.requireKernel(cpu);
            long descriptor = address.linear(cpu, 16);
            long context = cpu.load64(descriptor);
            long linear = cpu.load64(mode64 ? descriptor + 8 : descriptor + 8 & 0xFFFF_FFFFL);
            ControlRegisters.invalidateContext(cpu, cpu.register(register, mode64 ? 8 : 4), context, linear);
        };
    }

    private SystemGroup() {}
}
