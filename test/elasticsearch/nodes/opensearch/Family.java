
/**
 * OpenSearch 2.19 and later: everything is on the class path, modules are named. These are all that
 * the runner's jars have, by the names of 3 without their end.
 */
class Family {
    private static final String[] MODULES = {
        "org.opensearch.analysis.common.CommonAnalysis",
        "org.opensearch.geo.Geo",
        "org.opensearch.index.mapper.MapperExtras",
        "org.opensearch.index.rankeval.RankEval",
        "org.opensearch.index.reindex.Reindex",
        "org.opensearch.ingest.common.IngestCommon",
        "org.opensearch.ingest.useragent.IngestUserAgent",
        "org.opensearch.join.ParentJoin",
        "org.opensearch.painless.Painless",
        "org.opensearch.percolator.Percolator",
        "org.opensearch.script.expression.Expression",
        "org.opensearch.script.mustache.Mustache",
        "org.opensearch.search.aggregations.matrix.MatrixAggregation",
        "org.opensearch.transport.Netty4",
    };

    private final org.opensearch.node.Node node;

    Family(Map<String, String> settings) throws Exception {
        var builder = org.opensearch.common.settings.Settings.builder();
        settings.forEach(builder::put);
        boolean secured = settings.containsKey("plugins.security.ssl.http.enabled"); // its plugin has transports of its own
        if (!secured) {
            builder.put("transport.type", "netty4").put("http.type", "netty4");
        }
        var environment = new org.opensearch.env.Environment(builder.build(), Node.config());
        var modules = new java.util.ArrayList<Class<? extends org.opensearch.plugins.Plugin>>();
        for (String module : MODULES) {
            modules.add(module(module));
        }
        if (secured) {
            modules.add(Class.forName("org.opensearch.security.OpenSearchSecurityPlugin").asSubclass(org.opensearch.plugins.Plugin.class));
        }
        node = new org.codelibs.opensearch.runner.node.OpenSearchRunnerNode(environment, modules);
    }

    /** OpenSearch 2 calls most of them XPlugin, 3 all of them XModulePlugin. */
    private static Class<? extends org.opensearch.plugins.Plugin> module(String name) throws ClassNotFoundException {
        Class<?> found;
        try {
            found = Class.forName(name + "ModulePlugin");
        } catch (ClassNotFoundException e) {
            found = Class.forName(name + "Plugin");
        }
        return found.asSubclass(org.opensearch.plugins.Plugin.class);
    }

    /** Returns the address of HTTP, once it answers. */
    String start() throws Exception {
        node.start();
        return node.injector().getInstance(org.opensearch.http.HttpServerTransport.class).boundAddress().publishAddress().toString();
    }

    void close(long seconds) throws Exception {
        node.close();
        node.awaitClose(seconds, TimeUnit.SECONDS);
    }
}
