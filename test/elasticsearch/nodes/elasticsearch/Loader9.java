
class Loader {
    static java.util.Set<org.elasticsearch.plugins.PluginBundle> modules(Path folder) throws IOException {
        return org.elasticsearch.plugins.PluginsLoader.loadModulesBundles(folder, false);
    }
}
