
/** Elasticsearch 7.17: everything is on the class path, plugins are named. */
class Family {
    private final Embedded node;

    Family(Map<String, String> settings) {
        var builder = org.elasticsearch.common.settings.Settings.builder();
        settings.forEach(builder::put);
        builder.put("transport.type", "netty4").put("http.type", "netty4");
        var environment = new org.elasticsearch.env.Environment(builder.build(), Node.config());
        node = new Embedded(environment, java.util.List.of(org.elasticsearch.transport.Netty4Plugin.class, DataStreams.class));
    }

    /**
     * The module that switches data streams on is not on Maven Central. All that they need to be
     * written to is in the server; this registers the metadata field that the module registers, and
     * nothing else of it: no REST handlers.
     */
    public static final class DataStreams extends org.elasticsearch.plugins.Plugin implements org.elasticsearch.plugins.MapperPlugin {
        public Map<String, org.elasticsearch.index.mapper.MetadataFieldMapper.TypeParser> getMetadataMappers() {
            return Map.of(
                org.elasticsearch.index.mapper.DataStreamTimestampFieldMapper.NAME,
                org.elasticsearch.index.mapper.DataStreamTimestampFieldMapper.PARSER);
        }
    }

    /** The constructor that takes plugins from the class path is for subclasses. */
    private static final class Embedded extends org.elasticsearch.node.Node {
        Embedded(org.elasticsearch.env.Environment environment, java.util.List<Class<? extends org.elasticsearch.plugins.Plugin>> plugins) {
            super(environment, plugins, false);
        }
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
