
/**
 * Elasticsearch 8 and later: HTTP is a module, in a folder of its own under path.home. The class
 * Loader differs between them.
 */
class Family {
    private final org.elasticsearch.node.Node node;

    Family(Map<String, String> settings) throws Exception {
        org.elasticsearch.common.logging.LogConfigurator.configureESLogging();
        var builder = org.elasticsearch.common.settings.Settings.builder();
        settings.forEach(builder::put);
        Path password = Node.config().resolve("bootstrap.password");
        if (Files.exists(password)) {
            builder.setSecureSettings(keystore("bootstrap.password", Files.readString(password)));
        }
        var environment = new org.elasticsearch.env.Environment(builder.build(), Node.config());
        var plugins = org.elasticsearch.plugins.PluginsLoader.createPluginsLoader(
            Loader.modules(environment.modulesDir()), java.util.Set.of(), Map.of(), false);
        node = new org.elasticsearch.node.Node(environment, plugins);
    }

    /**
     * The keystore as the command elasticsearch-keystore makes it, which is the only other
     * caller of setString.
     */
    private static org.elasticsearch.common.settings.KeyStoreWrapper keystore(String key, String value) throws Exception {
        var keystore = org.elasticsearch.common.settings.KeyStoreWrapper.create();
        var setString = keystore.getClass().getDeclaredMethod("setString", String.class, char[].class);
        setString.setAccessible(true);
        setString.invoke(keystore, key, value.toCharArray());
        return keystore;
    }

    /** Returns the address of HTTP, once it answers. */
    String start() throws Exception {
        node.start();
        return node.injector().getInstance(org.elasticsearch.http.HttpServerTransport.class).boundAddress().publishAddress().toString();
    }

    void close(long seconds) throws Exception {
        node.close();
        node.awaitClose(seconds, TimeUnit.SECONDS);
    }
}
