package io.umbra.tools;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** Runs guests in processes of their own: the same Java, the same flags and the same Umbra as this process. */
final class ChildProcesses implements GuestRunner {
    private static final long PATIENCE_SECONDS = 3;

    private final Set<Process> running = ConcurrentHashMap.newKeySet();
    private volatile boolean isStopped;

    @Override
    public int run(List<String> arguments, Path console, Path errors) throws IOException, InterruptedException {
        List<String> command = command();
        command.addAll(arguments);
        Process process = new ProcessBuilder(command)
                .redirectOutput(console.toFile())
                .redirectError(errors.toFile())
                .start();
        running.add(process);
        try {
            if (isStopped) {
                end(process);
            }
            process.getOutputStream().close(); // the guest's console has nobody who types
            return process.waitFor();
        } finally {
            end(process);
            running.remove(process);
        }
    }

    /** What starts this program again, up to its arguments. */
    static List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current()
                .info()
                .command()
                .orElse(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (!isDebugger(flag)) {
                command.add(flag);
            }
        }
        command.add("-Dumbra.progress=false");
        String classPath = System.getProperty("java.class.path", "");
        if (!classPath.isEmpty()) {
            command.addAll(List.of("-cp", classPath));
        }
        Module module = Main.class.getModule();
        if (module.isNamed()) {
            command.addAll(List.of("-p", System.getProperty("jdk.module.path", "")));
            command.addAll(List.of("-m", module.getName() + "/" + Main.class.getName()));
        } else {
            command.add(Main.class.getName());
        }
        return command;
    }

    /** A debugger's port can be used by one process only. */
    private static boolean isDebugger(String flag) {
        return flag.startsWith("-agentlib:jdwp") || flag.startsWith("-Xrunjdwp");
    }

    /** Ends what runs, and whatever is started from now on. */
    void stop() {
        isStopped = true;
        running.forEach(Process::destroy);
        running.forEach(ChildProcesses::end);
    }

    /** Asks, waits, forces. */
    private static void end(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
