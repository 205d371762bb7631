package elasticsearch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// arrangeClassPath is for families that have all on the class path: jars/ as Maven filled it.
func arrangeClassPath(string) error { return nil }

// jvmArguments are the JVM arguments of every family, its class path included.
func jvmArguments(home string, java jdk) ([]string, error) {
	jars, err := filepath.Glob(filepath.Join(home, "jars", "*.jar")) // sorted: the class archive depends on the order
	if err != nil || len(jars) == 0 {
		return nil, fmt.Errorf("elasticsearch: no jars in %s; delete that folder and start again", home)
	}
	arguments := []string{
		"-Dlog4j2.configurationFile=" + filepath.Join(home, "log4j2.properties"),
		"-Dlog4j2.disable.jmx=true",
		"-cp", strings.Join(jars, string(os.PathListSeparator)),
	}
	if java.major >= 21 { // Lucene's memory mapping; a warning otherwise
		arguments = append(arguments, "--enable-native-access=ALL-UNNAMED")
	}
	if java.major >= 24 { // the option is younger than the JDK we ask for
		arguments = append(arguments, "--sun-misc-unsafe-memory-access=allow")
	}
	return arguments, nil
}
