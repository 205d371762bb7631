package elasticsearch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// jdk is an installed Java development kit.
type jdk struct {
	home    string // the folder that holds bin/ and release
	major   int    // 21 for "21.0.3", 8 for "1.8.0_412"
	release []byte // the release file, which names the build to the letter
}

func (j jdk) java() string { return filepath.Join(j.home, "bin", "java") }

// jdkSearch is where JDKs are looked for, in this order.
type jdkSearch struct {
	javaHome string   // $JAVA_HOME; may be empty
	path     string   // $PATH
	patterns []string // of JDK homes
}

func hostJDKs() jdkSearch {
	home, _ := os.UserHomeDir()
	return jdkSearch{
		javaHome: os.Getenv("JAVA_HOME"),
		path:     os.Getenv("PATH"),
		patterns: []string{
			"/usr/lib/jvm/*",
			"/Library/Java/JavaVirtualMachines/*/Contents/Home",
			"/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home", // brew doesn't link its JDKs
			"/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
			filepath.Join(home, ".sdkman", "candidates", "java", "*"),
		},
	}
}

// find returns a JDK of at least that major version: JAVA_HOME, else the one on PATH, else the
// oldest suitable one, which is nearest to the server's own. The error is a *MissingToolError.
func (s jdkSearch) find(atLeast int) (jdk, error) {
	var unfit []string
	reject := func(where string, err error) { unfit = append(unfit, where+": "+err.Error()) }
	for _, named := range s.named() {
		found, err := readJDK(named.home, atLeast)
		if err == nil {
			return found, nil
		}
		reject(named.where, err)
	}
	var fit []jdk
	for _, home := range s.installed() {
		found, err := readJDK(home, atLeast)
		if err == nil {
			fit = append(fit, found)
		} else {
			reject(home, err)
		}
	}
	if len(fit) > 0 {
		sort.SliceStable(fit, func(a, b int) bool { return fit[a].major < fit[b].major })
		return fit[0], nil
	}
	return jdk{}, missingJDK(atLeast, unfit)
}

type namedHome struct{ where, home string }

// named are the homes the user chose: JAVA_HOME and the one of the java on PATH.
func (s jdkSearch) named() []namedHome {
	var homes []namedHome
	if s.javaHome != "" {
		homes = append(homes, namedHome{"JAVA_HOME=" + s.javaHome, s.javaHome})
	}
	for _, dir := range filepath.SplitList(s.path) {
		java, err := filepath.EvalSymlinks(filepath.Join(dir, "java"))
		if err == nil {
			return append(homes, namedHome{"the java on PATH, " + java, filepath.Dir(filepath.Dir(java))})
		}
	}
	return homes
}

// installed are the homes that match the patterns, each once, whatever links lead to it.
func (s jdkSearch) installed() []string {
	seen := map[string]bool{}
	var homes []string
	for _, pattern := range s.patterns {
		matches, _ := filepath.Glob(pattern) // the only error is a malformed pattern
		for _, match := range matches {
			home, err := filepath.EvalSymlinks(match)
			if err != nil || seen[home] || !isFile(filepath.Join(home, "release")) {
				continue
			}
			seen[home] = true
			homes = append(homes, home)
		}
	}
	return homes
}

var javaVersion = regexp.MustCompile(`(?m)^JAVA_VERSION="(?:1\.)?(\d+)`)

// readJDK looks at one home; the error says in a few words why it doesn't do.
func readJDK(home string, atLeast int) (jdk, error) {
	release, err := os.ReadFile(filepath.Join(home, "release"))
	if err != nil {
		return jdk{}, fmt.Errorf("no JDK, it has no release file")
	}
	match := javaVersion.FindSubmatch(release)
	if match == nil {
		return jdk{}, fmt.Errorf("its release file names no JAVA_VERSION")
	}
	major, err := strconv.Atoi(string(match[1]))
	if err != nil || major < atLeast {
		return jdk{}, fmt.Errorf("version %s, too old", match[1])
	}
	for _, program := range []string{"java", "javac"} { // a source file is launched with the compiler
		if !isFile(filepath.Join(home, "bin", program)) {
			return jdk{}, fmt.Errorf("version %d without bin/%s, a runtime only", major, program)
		}
	}
	return jdk{home: home, major: major, release: release}, nil
}

func missingJDK(atLeast int, unfit []string) error {
	found := "neither JAVA_HOME nor PATH nor the usual folders have any"
	if len(unfit) > 0 {
		found = "looked at " + strings.Join(unfit, "; ")
	}
	return &MissingToolError{
		Tool:   fmt.Sprintf("a JDK, version %d or newer,", atLeast),
		Found:  found,
		Debian: fmt.Sprintf("apt-get install openjdk-%d-jdk-headless (or unpack any newer JDK and set JAVA_HOME to its folder)", atLeast),
		MacOS:  "brew install openjdk",
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
