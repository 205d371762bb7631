package elasticsearch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeJDK makes a folder that looks like a JDK of that version, with the given programs.
func fakeJDK(t *testing.T, root, name, version string, programs ...string) string {
	t.Helper()
	home := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	release := "IMPLEMENTOR=\"none\"\nJAVA_VERSION=\"" + version + "\"\n"
	if err := os.WriteFile(filepath.Join(home, "release"), []byte(release), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		if err := os.WriteFile(filepath.Join(home, "bin", program), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func TestFindJDK(t *testing.T) {
	root := t.TempDir()
	jdk8 := fakeJDK(t, root, "jdk8", "1.8.0_412", "java", "javac")
	jdk17 := fakeJDK(t, root, "jdk17", "17.0.15", "java", "javac")
	jdk21 := fakeJDK(t, root, "jdk21", "21.0.3", "java", "javac")
	jdk25 := fakeJDK(t, root, "jdk25", "25", "java", "javac")
	jre25 := fakeJDK(t, root, "jre25", "25.0.1", "java")
	linked := filepath.Join(root, "usr-bin")
	if err := os.MkdirAll(linked, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(jdk25, "bin", "java"), filepath.Join(linked, "java")); err != nil {
		t.Fatal(err)
	}
	all := []string{filepath.Join(root, "j*")}

	cases := map[string]struct {
		search jdkSearch
		want   string   // home; empty: an error
		says   []string // parts of the error
	}{
		"JAVA_HOME wins":                 {jdkSearch{jdk25, filepath.Join(jdk21, "bin"), all}, jdk25, nil},
		"JAVA_HOME too old, then PATH":   {jdkSearch{jdk17, linked, all}, jdk25, nil},
		"PATH too old, then installed":   {jdkSearch{"", filepath.Join(jdk17, "bin"), all}, jdk21, nil},
		"JAVA_HOME nowhere":              {jdkSearch{filepath.Join(root, "gone"), "", all}, jdk21, nil},
		"nothing anywhere":               {jdkSearch{}, "", []string{"version 21 or newer", "apt-get install openjdk-21-jdk-headless", "brew install openjdk", "JAVA_HOME"}},
		"only too old":                   {jdkSearch{jdk8, filepath.Join(jdk17, "bin"), nil}, "", []string{"JAVA_HOME=" + jdk8 + ": version 8, too old", "version 17, too old"}},
		"a runtime is no JDK":            {jdkSearch{"", "", []string{jre25}}, "", []string{"without bin/javac"}},
		"a folder without a JDK is none": {jdkSearch{root, "", nil}, "", []string{"no release file"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found, err := c.search.find(21)
			if found.home != resolve(t, c.want) {
				t.Errorf("found %q, want %q (%v)", found.home, c.want, err)
			}
			var missing *MissingToolError
			if c.want == "" && !errors.As(err, &missing) {
				t.Fatalf("the error is %v, want a MissingToolError", err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error doesn't say %q:\n%v", part, err)
				}
			}
		})
	}
}

// resolve follows the links in a path, as macOS's temporary folders have some.
func resolve(t *testing.T, path string) string {
	if path == "" {
		return ""
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func TestMissingMaven(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("MAVEN_HOME", "")
	_, err := findMaven()
	var missing *MissingToolError
	if !errors.As(err, &missing) || missing.Debian != "apt-get install maven" || missing.MacOS != "brew install maven" {
		t.Errorf("got %v", err)
	}
}
