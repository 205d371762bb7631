import java.util.Map;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * The token filters and the tokenizer that x-pack's index .security is made with, from Lucene's own
 * classes. The module that has them in a distribution is not on Maven Central.
 */
public class Filters extends Plugin implements AnalysisPlugin {
    private interface Filter {
        TokenStream over(TokenStream tokens);
    }

    private static AnalysisProvider<TokenFilterFactory> factory(java.util.function.Function<Settings, Filter> of) {
        return (index, environment, name, settings) -> new TokenFilterFactory() {
            private final Filter filter = of.apply(settings);
            public String name() {
                return name;
            }
            public TokenStream create(TokenStream tokens) {
                return filter.over(tokens);
            }
        };
    }

    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "unique", factory(settings -> RemoveDuplicatesTokenFilter::new),
            "pattern_capture", factory(settings -> {
                boolean original = settings.getAsBoolean("preserve_original", true);
                var patterns = settings.getAsList("patterns").stream().map(java.util.regex.Pattern::compile).toArray(java.util.regex.Pattern[]::new);
                return tokens -> new PatternCaptureGroupTokenFilter(tokens, original, patterns);
            }));
    }

    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("uax_url_email", (index, environment, name, settings) -> TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new));
    }
}
