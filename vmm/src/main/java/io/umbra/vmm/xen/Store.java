package io.umbra.vmm.xen;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/**
 * A xenstore for one domain: a tree of names with values, and watches on it. Paths that do not begin with a slash are below the domain's own home. A transaction is never in conflict, for nobody else
 * writes: what is written in it holds at once. Xen: docs/misc/xenstore.txt.
 */
public final class Store {
    public static final int WATCH_EVENT = 15;

    private static final int DIRECTORY = 1, READ = 2, GET_PERMS = 3, WATCH = 4, UNWATCH = 5, TRANSACTION_START = 6;
    private static final int TRANSACTION_END = 7, GET_DOMAIN_PATH = 10, WRITE = 11, MKDIR = 12, RM = 13;
    private static final int SET_PERMS = 14, ERROR = 16, IS_DOMAIN_INTRODUCED = 17, RESET_WATCHES = 21;
    private static final int MOST_NODES = 4096, MOST_WATCHES = 1024, LONGEST_PATH = 1024, LARGEST_VALUE = 2048;

    /** @param payload a character a byte */
    public record Message(int type, String payload) {}

    private record Watch(String path, String token) {}

    private final String home;
    private final NavigableMap<String, String> nodes = new TreeMap<>();
    private final Set<Watch> watches = new LinkedHashSet<>();
    private int transactions;

    /** @param content absolute paths with their values; what lies above them exists too */
    public Store(int domain, Map<String, String> content) {
        home = "/local/domain/" + domain;
        make(home);
        content.forEach((path, value) -> {
            make(path);
            nodes.put(path, value);
        });
    }

    /**
     * What every domain finds there: who it is and how much memory it has.
     *
     * @param pages RAM, in frames
     */
    public static Store of(int domain, long pages) {
        String home = "/local/domain/" + domain;
        String kilobytes = Long.toString(pages << 2);
        return new Store(
                domain,
                Map.of(
                        "/vm/00000000-0000-0000-0000-000000000001/name",
                        "umbra",
                        home + "/vm",
                        "/vm/00000000-0000-0000-0000-000000000001",
                        home + "/name",
                        "umbra",
                        home + "/domid",
                        Integer.toString(domain),
                        home + "/cpu/0/availability",
                        "online",
                        home + "/memory/target",
                        kilobytes,
                        home + "/memory/static-max",
                        kilobytes,
                        home + "/control",
                        ""));
    }

    private void make(String path) {
        for (int slash = path.indexOf('/', 1); slash >= 0; slash = path.indexOf('/', slash + 1)) {
            nodes.putIfAbsent(path.substring(0, slash), "");
        }
        nodes.putIfAbsent(path, "");
    }

    /** The reply, and the watch events that follow from the request. */
    public List<Message> request(int type, byte[] bytes) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        int end = text.indexOf('\0');
        String path = absolute(end < 0 ? text : text.substring(0, end));
        String rest = end < 0 ? "" : text.substring(end + 1);
        if (path.length() > LONGEST_PATH) {
            return error("EINVAL");
        }
        return switch (type) {
            case READ -> nodes.containsKey(path) ? reply(type, nodes.get(path)) : error("ENOENT");
            case DIRECTORY -> nodes.containsKey(path) ? reply(type, children(path)) : error("ENOENT");
            case GET_PERMS -> nodes.containsKey(path) ? reply(type, "n0\0") : error("ENOENT");
            case WRITE, MKDIR -> write(type, path, type == MKDIR ? "" : rest);
            case RM -> remove(path);
            case WATCH -> watch(path(text, end), rest);
            case UNWATCH ->
                watches.remove(new Watch(path(text, end), untilNul(rest))) ? reply(type, "OK\0") : error("ENOENT");
            case TRANSACTION_START -> reply(type, ++transactions + "\0");
            case TRANSACTION_END, SET_PERMS -> reply(type, "OK\0");
            case RESET_WATCHES -> {
                watches.clear();
                yield reply(type, "OK\0");
            }
            case GET_DOMAIN_PATH -> reply(type, "/local/domain/" + untilNul(text) + "\0");
            case IS_DOMAIN_INTRODUCED -> reply(type, home.endsWith("/" + untilNul(text)) ? "T\0" : "F\0");
            default -> error("ENOSYS");
        };
    }

    private static String path(String text, int end) {
        return end < 0 ? text : text.substring(0, end);
    }

    private static String untilNul(String text) {
        return path(text, text.indexOf('\0'));
    }

    private String absolute(String path) {
        return path.startsWith("/") || path.startsWith("@") ? path : path.isEmpty() ? home : home + "/" + path;
    }

    private static List<Message> reply(int type, String payload) {
        return List.of(new Message(type, payload));
    }

    private static List<Message> error(String name) {
        return List.of(new Message(ERROR, name + "\0"));
    }

    private String children(String path) {
        String below = path.equals("/") ? "/" : path + "/";
        StringBuilder names = new StringBuilder();
        for (String each : nodes.tailMap(below, false).keySet()) {
            if (!each.startsWith(below)) {
                break;
            }
            String name = each.substring(below.length());
            if (!name.isEmpty() && name.indexOf('/') < 0) {
                names.append(name).append('\0');
            }
        }
        return names.toString();
    }

    // ---- changes
    // -----------------------------------------------------------------------------------------------------------------

    private List<Message> write(int type, String path, String value) {
        if (!path.equals(home) && !path.startsWith(home + "/")) {
            return error("EACCES");
        }
        if (nodes.size() >= MOST_NODES || value.length() > LARGEST_VALUE) {
            return error("ENOSPC");
        }
        make(path);
        if (type == WRITE) {
            nodes.put(path, value);
        }
        return changed(type, path);
    }

    private List<Message> remove(String path) {
        if (!path.startsWith(home + "/")) {
            return error("EACCES");
        }
        if (nodes.remove(path) == null) {
            return error("ENOENT");
        }
        nodes.subMap(path + "/", path + "0").clear();
        return changed(RM, path);
    }

    private List<Message> changed(int type, String path) {
        List<Message> messages = new ArrayList<>(reply(type, "OK\0"));
        for (Watch watch : watches) {
            String watched = absolute(watch.path);
            if (path.equals(watched) || path.startsWith(watched + "/")) {
                String relative = watch.path.equals(watched) ? path : path.substring(home.length() + 1);
                messages.add(new Message(WATCH_EVENT, relative + "\0" + watch.token + "\0"));
            }
        }
        return messages;
    }

    /** Each watch fires once when it is set. */
    private List<Message> watch(String path, String rest) {
        Watch watch = new Watch(path, untilNul(rest));
        if (watches.size() >= MOST_WATCHES) {
            return error("ENOSPC");
        }
        if (!watches.add(watch)) {
            return error("EEXIST");
        }
        return List.of(new Message(WATCH, "OK\0"), new Message(WATCH_EVENT, watch.path + "\0" + watch.token + "\0"));
    }
}
