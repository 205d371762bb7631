
/** OpenSearch 3: everything is on the class path, modules are named. These are all that the runner's jars have. */
class Family {
    private static final String[] MODULES = {
        "org.opensearch.analysis.common.CommonAnalysisModulePlugin",
        "org.opensearch.geo.GeoModulePlugin",
        "org.opensearch.index.mapper.MapperExtrasModulePlugin",
        "org.opensearch.index.rankeval.RankEvalModulePlugin",
        "org.opensearch.index.reindex.ReindexModulePlugin",
        "org.opensearch.ingest.common.IngestCommonModulePlugin",
        "org.opensearch.ingest.useragent.IngestUserAgentModulePlugin",
        "org.opensearch.join.ParentJoinModulePlugin",
        "org.opensearch.painless.PainlessModulePlugin",
        "org.opensearch.percolator.PercolatorModulePlugin",
        "org.opensearch.script.expression.ExpressionModulePlugin",
        "org.opensearch.script.mustache.MustacheModulePlugin",
        "org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin",
        "org.opensearch.transport.Netty4ModulePlugin",
    };

    private final org.opensearch.node.Node node;

    Family(Map<String, String> settings) throws Exception {
        var builder = org.opensearch.common.settings.Settings.builder();
        settings.forEach(builder::put);
        builder.put("transport.type", "netty4").put("http.type", "netty4");
        var environment = new org.opensearch.env.Environment(builder.build(), Path.of(settings.get("path.home"), "config"));
        var modules = new java.util.ArrayList<Class<? extends org.opensearch.plugins.Plugin>>();
        for (String module : MODULES) {
            modules.add(Class.forName(module).asSubclass(org.opensearch.plugins.Plugin.class));
        }
        node = new org.codelibs.opensearch.runner.node.OpenSearchRunnerNode(environment, modules);
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
