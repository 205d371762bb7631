
/** Elasticsearch 9: path.home holds modules/ and config/. */
class Family {
    private final org.elasticsearch.node.Node node;

    Family(Map<String, String> settings) throws Exception {
        org.elasticsearch.common.logging.LogConfigurator.configureESLogging();
        var builder = org.elasticsearch.common.settings.Settings.builder();
        settings.forEach(builder::put);
        var environment = new org.elasticsearch.env.Environment(builder.build(), Path.of(settings.get("path.home"), "config"));
        var plugins = org.elasticsearch.plugins.PluginsLoader.createPluginsLoader(
            org.elasticsearch.plugins.PluginsLoader.loadModulesBundles(environment.modulesDir(), false),
            java.util.Set.of(), Map.of(), false);
        node = new org.elasticsearch.node.Node(environment, plugins);
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
