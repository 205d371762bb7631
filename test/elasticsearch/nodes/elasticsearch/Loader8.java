
class Loader {
    static java.util.Set<org.elasticsearch.plugins.PluginBundle> modules(Path folder) {
        return org.elasticsearch.plugins.PluginsLoader.loadModulesBundles(folder);
    }
}
