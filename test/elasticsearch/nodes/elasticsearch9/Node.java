import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.LogManager;
import java.util.stream.Stream;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One real Elasticsearch node, for tests. Arguments are Elasticsearch settings, key=value; path.home holds modules/ and
 * config/. Prints "listening HOST:PORT" on standard output once HTTP answers, and logs to standard error.
 *
 * Runs until standard input ends: the launcher closes it to stop the node, and the kernel closes it when the launcher
 * dies, however it dies. The folder named by the property out_es.temporary, if any, is deleted at the end.
 */
public class Node {
    private static final long CLOSE_SECONDS = 20;
    private static final AtomicReference<org.elasticsearch.node.Node> running = new AtomicReference<>();

    public static void main(String[] args) {
        new Thread(Node::closeWithParent, "parent").start(); // all of Elasticsearch's are daemons: this one keeps the JVM up
        try {
            start(settings(args));
        } catch (Throwable e) {
            e.printStackTrace();
            end(1);
        }
    }

    private static Settings settings(String[] args) {
        Settings.Builder settings = Settings.builder();
        for (String arg : args) {
            int equals = arg.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("not key=value: " + arg);
            }
            settings.put(arg.substring(0, equals), arg.substring(equals + 1));
        }
        return settings.build();
    }

    private static void start(Settings settings) throws Exception {
        LogManager.getLogManager().reset(); // Java's own, where Lucene only says that this JDK has faster vectors to offer
        LogConfigurator.configureESLogging();
        Environment environment = new Environment(settings, Path.of(settings.get("path.home"), "config"));
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir(), false), Set.of(), Map.of(), false);
        org.elasticsearch.node.Node node = new org.elasticsearch.node.Node(environment, plugins);
        running.set(node);
        node.start();
        var address = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
        System.out.println("listening " + address);
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
            org.elasticsearch.node.Node node = running.get();
            if (node != null) {
                node.close();
                node.awaitClose(CLOSE_SECONDS, TimeUnit.SECONDS);
            }
        } catch (Throwable e) {
            e.printStackTrace();
            status = 1;
        }
        deleteTemporary();
        System.exit(status);
    }

    /** A node told to close in the middle of its start may wait for itself: nothing may be left over even then. */
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
