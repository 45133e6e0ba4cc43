/* The first process of the benchmark guests: plays the loops that the kernel's command line names and powers off.
 *
 *   umbra.bench=NAME:COUNT[,NAME:COUNT…]
 *
 * Before and after each it prints a line, at which the host takes the time:
 *
 *   umbra-bench: begin NAME
 *   umbra-bench: end NAME CHECKSUM
 *
 * Needs no C library. Executed with an argument, it ends at once: that is what the fork loop executes. */

typedef unsigned long word;

word loop_alu(word count);
word loop_sieve(word count);
word loop_fib(word n);
word loop_memcpy(word count);
word loop_memcpy_rep(word count);

/* ---- the kernel's calls, by the numbers of arch/x86/entry/syscalls/syscall_64.tbl ---- */

enum {
    READ = 0, WRITE = 1, OPEN = 2, MMAP = 9, MUNMAP = 11, IOCTL = 16, PIPE = 22, FORK = 57, EXECVE = 59, EXIT = 60, WAIT4 = 61,
    MKDIR = 83, MOUNT = 165, REBOOT = 169
};

enum { TERMINAL_DRAIN = 0x5409, PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22, PAGE = 4096 };

static long call(long number, word a, word b, word c, word d, word e, word f) {
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    register word r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static long call3(long number, word a, word b, word c) {
    return call(number, a, b, c, 0, 0, 0);
}

/* ---- text ---- */

static char line[128];
static word used;

static void add(const char *text) {
    while (*text && used < sizeof line - 1) {
        line[used++] = *text++;
    }
}

static void add_number(word value) {
    char digits[21];
    int at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = '0' + value % 10;
        value /= 10;
    } while (value);
    add(digits + at);
}

static void end_line(void) {
    line[used++] = '\n';
    call3(WRITE, 1, (word)line, used);
    call3(IOCTL, 1, TERMINAL_DRAIN, 1); /* until the last byte is out: the host takes the time now */
    used = 0;
}

static void __attribute__((noreturn)) power_off(void) {
    call(REBOOT, 0xfee1dead, 0x28121969, 0x4321fedc, 0, 0, 0);
    for (;;) {
        call3(EXIT, 1, 0, 0);
    }
}

static long must(long result, const char *what) {
    if (result < 0) {
        add("umbra-bench: failed: ");
        add(what);
        add(", error ");
        add_number(-result);
        end_line();
        power_off();
    }
    return result;
}

/* ---- the loops that need the kernel ---- */

static word loop_fork(word count) {
    static const char *const arguments[] = {"/init", "end", 0};
    static const char *const environment[] = {0};
    word ended = 0;
    while (count--) {
        long child = must(call3(FORK, 0, 0, 0), "fork");
        if (child == 0) {
            call3(EXECVE, (word)arguments[0], (word)arguments, (word)environment);
            call3(EXIT, 1, 0, 0);
        }
        int status = 1;
        must(call(WAIT4, child, (word)&status, 0, 0, 0, 0), "wait4");
        ended += status == 0;
    }
    return ended;
}

/* 64 pages are mapped, written to and unmapped. */
static word loop_mmap(word count) {
    word sum = 0;
    while (count--) {
        word size = 64 * PAGE;
        word at = must(call(MMAP, 0, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0), "mmap");
        for (word offset = 0; offset < size; offset += PAGE) {
            *(volatile char *)(at + offset) = 1;
            sum += *(volatile char *)(at + offset);
        }
        must(call3(MUNMAP, at, size, 0), "munmap");
    }
    return sum;
}

/* A byte goes to another process and comes back: two switches of the address space. */
static word loop_switch(word count) {
    int there[2], back[2];
    char byte = 0;
    word sum = 0;
    must(call3(PIPE, (word)there, 0, 0), "pipe");
    must(call3(PIPE, (word)back, 0, 0), "pipe");
    long child = must(call3(FORK, 0, 0, 0), "fork");
    if (child == 0) {
        while (count--) {
            call3(READ, there[0], (word)&byte, 1);
            byte++;
            call3(WRITE, back[1], (word)&byte, 1);
        }
        call3(EXIT, 0, 0, 0);
    }
    for (word i = 0; i < count; i++) {
        call3(WRITE, there[1], (word)&byte, 1);
        must(call3(READ, back[0], (word)&byte, 1), "read");
        sum += (unsigned char)byte;
    }
    must(call(WAIT4, child, 0, 0, 0, 0, 0), "wait4");
    return sum;
}

/* ---- */

static const struct {
    const char *name;
    word (*play)(word count);
} loops[] = {
    {"fork", loop_fork},     {"mmap", loop_mmap}, {"switch", loop_switch}, {"alu", loop_alu},
    {"sieve", loop_sieve},   {"fib", loop_fib},   {"memcpy", loop_memcpy}, {"memcpy-rep", loop_memcpy_rep},
};

/* Whether the text begins with the word, and a colon follows. */
static int is_called(const char *text, const char *word) {
    while (*word) {
        if (*text++ != *word++) {
            return 0;
        }
    }
    return *text == ':';
}

static void play(const char *text, word count) {
    for (word i = 0; i < sizeof loops / sizeof *loops; i++) {
        if (is_called(text, loops[i].name)) {
            add("umbra-bench: begin ");
            add(loops[i].name);
            end_line();
            word result = loops[i].play(count);
            add("umbra-bench: end ");
            add(loops[i].name);
            add(" ");
            add_number(result);
            end_line();
            return;
        }
    }
    must(-22, "umbra.bench names a loop that there is not");
}

static const char *after(const char *text, const char *wanted) {
    for (; *text; text++) {
        word n = 0;
        while (wanted[n] && text[n] == wanted[n]) {
            n++;
        }
        if (!wanted[n]) {
            return text + n;
        }
    }
    return 0;
}

void __attribute__((noreturn)) start(word *stack) {
    static char command_line[4096];
    if (stack[0] > 1) {
        call3(EXIT, 0, 0, 0);
    }
    call3(MKDIR, (word) "/proc", 0555, 0);
    must(call(MOUNT, (word) "proc", (word) "/proc", (word) "proc", 0, 0, 0), "mount");
    long file = must(call3(OPEN, (word) "/proc/cmdline", 0, 0), "open");
    must(call3(READ, file, (word)command_line, sizeof command_line - 1), "read");
    const char *text = after(command_line, "umbra.bench=");
    while (text && *text > ' ') {
        const char *digit = text;
        while (*digit > ' ' && *digit != ':') {
            digit++;
        }
        word count = 0;
        for (digit += *digit == ':'; *digit >= '0' && *digit <= '9'; digit++) {
            count = count * 10 + (*digit - '0');
        }
        play(text, count);
        text = digit + (*digit == ',');
    }
    power_off();
}

/* What compilers call on their own. */
void *memset(void *at, int value, word size) {
    for (word i = 0; i < size; i++) {
        ((volatile char *)at)[i] = value;
    }
    return at;
}
