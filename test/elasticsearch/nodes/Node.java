import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.LogManager;
import java.util.stream.Stream;

/**
 * One real node, for tests. Arguments are the server's settings, key=value. Prints "listening
 * HOST:PORT" on standard output once HTTP answers, and logs to standard error. The differences
 * between servers are in the class Family, behind this one in the launched file: a single file,
 * since Java before 22 launches no more.
 *
 * Runs until standard input ends: the launcher closes it to stop the node, and the kernel closes it
 * when the launcher dies, however it dies. The folder named by the property out_es.temporary, if
 * any, is deleted at the end.
 */
public class Node {
    private static final long CLOSE_SECONDS = 20;
    private static final AtomicReference<Family> running = new AtomicReference<>();

    public static void main(String[] args) {
        new Thread(Node::closeWithParent, "parent").start(); // all of the server's are daemons: this one keeps the JVM up
        try {
            start(settings(args));
        } catch (Throwable e) {
            e.printStackTrace();
            end(1);
        }
    }

    /** The folder of the server's own files: it is no setting. */
    static Path config() {
        return Path.of(System.getProperty("out_es.config"));
    }

    private static Map<String, String> settings(String[] args) {
        Map<String, String> settings = new TreeMap<>();
        for (String arg : args) {
            int equals = arg.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("not key=value: " + arg);
            }
            settings.put(arg.substring(0, equals), arg.substring(equals + 1));
        }
        return settings;
    }

    private static void start(Map<String, String> settings) throws Exception {
        LogManager.getLogManager().reset(); // Java's own, where Lucene only says that this JDK has faster vectors to offer
        Family family = new Family(settings);
        running.set(family);
        System.out.println("listening " + family.start());
    }

    private static void closeWithParent() {
        try {
            while (System.in.read() >= 0) {
                // nothing is ever said here; only the end matters
            }
        } catch (IOException e) {
            // as good as the end
        }
        end(0);
    }

    private static void end(int status) {
        Thread impatience = new Thread(Node::haltWhenCloseHangs, "impatience");
        impatience.setDaemon(true);
        impatience.start();
        try {
            Family family = running.get();
            if (family != null) {
                family.close(CLOSE_SECONDS);
            }
        } catch (Throwable e) {
            e.printStackTrace();
            status = 1;
        }
        deleteTemporary();
        System.exit(status);
    }

    /**
     * A node told to close in the middle of its start may wait for itself: nothing may be left
     * over even then.
     */
    private static void haltWhenCloseHangs() {
        try {
            TimeUnit.SECONDS.sleep(CLOSE_SECONDS + 5);
        } catch (InterruptedException e) {
            return;
        }
        deleteTemporary();
        Runtime.getRuntime().halt(1);
    }

    private static void deleteTemporary() {
        String folder = System.getProperty("out_es.temporary");
        if (folder == null) {
            return;
        }
        try (Stream<Path> paths = Files.walk(Path.of(folder))) {
            paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException e) {
            System.err.println("could not delete " + folder + ": " + e);
        }
    }
}
