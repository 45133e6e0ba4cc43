package io.umbra.processor;

import io.umbra.processor.fp.Constant80;
import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.FloatEnvironment;

/** Loads and stores: FLD, FST, FSTP, FILD, FIST, FISTP, FISTTP, FBLD, FBSTP and the constants. Intel SDM vol. 1, 8.3.3 and 8.3.4. */
final class X87TransferOps {
    private X87TransferOps() {}

    static Op load(Instruction i, int offsetInPage) {
        return i.hasMemory()
                ? new Load(i, offsetInPage, X87Format.real(i.operands[0].size()))
                : new LoadRegister(i, i.operands[0].register());
    }

    static Op loadInteger(Instruction i, int offsetInPage) {
        return new Load(i, offsetInPage, X87Format.integer(i.operands[0].size()));
    }

    static Op loadDecimal(Instruction i, int offsetInPage) {
        return new Load(i, offsetInPage, X87Format.DECIMAL);
    }

    static Op loadConstant(Instruction i, Constant80 constant) {
        return new LoadConstant(i, constant);
    }

    static Op store(Instruction i, int offsetInPage, boolean pops) {
        if (!i.hasMemory()) {
            int target = i.operands[0].register();
            boolean isAlias = (i.opcode & 7) == 1;
            return isAlias ? new StoreRegisterUnchecked(i, target) : new StoreRegister(i, target, pops);
        }
        X87Format format = X87Format.real(i.operands[0].size());
        return format == X87Format.EXTENDED
                ? new StoreTenBytes(i, offsetInPage, false)
                : new Store(i, offsetInPage, format, false, pops);
    }

    static Op storeInteger(Instruction i, int offsetInPage, boolean truncates, boolean pops) {
        return new Store(i, offsetInPage, X87Format.integer(i.operands[0].size()), truncates, pops);
    }

    static Op storeDecimal(Instruction i, int offsetInPage) {
        return new StoreTenBytes(i, offsetInPage, true);
    }

    /** A denormal is pushed even where its exception is unmasked, as AMD's processors do. */
    private static void finishPush(X87Unit x87) {
        x87.finish();
        if (!x87.environment.isUnmasked(FloatEnvironment.INVALID)) {
            x87.push(x87.result);
        }
    }

    private static final class Load extends X87Op.OnMemory {
        private final X87Format format;

        Load(Instruction i, int offsetInPage, X87Format format) {
            super(i, offsetInPage);
            this.format = format;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            format.fetch(cpu, address, x87.a);
            if (x87.isEmpty(-1)) {
                format.load(x87.result, x87.a, x87.environment);
            } else {
                x87.overflow(x87.result);
            }
            finishPush(x87);
        }
    }

    private static final class LoadRegister extends X87Op {
        private final int source;

        LoadRegister(Instruction i, int source) {
            super(i);
            this.source = source;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(source)) {
                x87.underflow(x87.result);
            } else if (!x87.isEmpty(-1)) {
                x87.overflow(x87.result);
            } else {
                x87.read(x87.result, source);
            }
            finishPush(x87);
        }
    }

    private static final class LoadConstant extends X87Op {
        private final Constant80 constant;

        LoadConstant(Instruction i, Constant80 constant) {
            super(i);
            this.constant = constant;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(-1)) {
                Float80.load(x87.result, constant, x87.environment);
                x87.environment.roundedUp = false;
            } else {
                x87.overflow(x87.result);
            }
            finishPush(x87);
        }
    }

    private static final class Store extends X87Op.OnMemory {
        private final X87Format format;
        private final boolean truncates;
        private final boolean pops;

        Store(Instruction i, int offsetInPage, X87Format format, boolean truncates, boolean pops) {
            super(i, offsetInPage);
            this.format = format;
            this.truncates = truncates;
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            long linear = address.linearForWrite(cpu, format.size);
            long bits = convert(x87);
            boolean stores = x87.stores();
            if (stores) {
                cpu.store(linear, format.size, bits);
            }
            x87.finish();
            if (stores && pops) {
                x87.pop();
            }
        }

        private long convert(X87Unit x87) {
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
                return format.indefinite;
            }
            x87.read(x87.a, 0);
            return truncates ? format.truncate(x87.a, x87.environment) : format.convert(x87.a, x87.environment);
        }
    }

    /** FSTP m80 and FBSTP, which always pop. */
    private static final class StoreTenBytes extends X87Op.OnMemory {
        private static final int BYTES = 10;

        private final boolean decimal;

        StoreTenBytes(Instruction i, int offsetInPage, boolean decimal) {
            super(i, offsetInPage);
            this.decimal = decimal;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            long linear = address.linearForWrite(cpu, BYTES);
            convert(x87);
            boolean stores = x87.stores();
            if (stores) {
                cpu.probeWrite(linear, BYTES);
                cpu.store64(linear, x87.result.significand);
                cpu.store16(X87Format.behind(cpu, linear, 8), x87.result.signExponent);
            }
            x87.finish();
            if (stores) {
                x87.pop();
            }
        }

        private void convert(X87Unit x87) {
            if (x87.isEmpty(0)) {
                // The indefinite number and the indefinite decimal have the same bits.
                x87.underflow(x87.result);
            } else if (decimal) {
                x87.read(x87.a, 0);
                Float80.toBcd(x87.result, x87.a, x87.environment);
            } else {
                x87.read(x87.result, 0);
            }
        }
    }

    /** D9 D8 to D9 DF, an alias of FSTP which AMD calls FSTPNCE: an empty source is no exception. */
    private static final class StoreRegisterUnchecked extends X87Op {
        private final int target;

        StoreRegisterUnchecked(Instruction i, int target) {
            super(i);
            this.target = target;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            x87.finish();
            if (!x87.isEmpty(0)) {
                x87.read(x87.result, 0);
                x87.write(target, x87.result);
            }
            x87.pop();
        }
    }

    private static final class StoreRegister extends X87Op {
        private final int target;
        private final boolean pops;

        StoreRegister(Instruction i, int target, boolean pops) {
            super(i);
            this.target = target;
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.result, 0);
            }
            if (x87.finish()) {
                x87.write(target, x87.result);
                if (pops) {
                    x87.pop();
                }
            }
        }
    }
}
