package dist

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"out_es/test/fluentbit"
	"out_es/test/support"
)

// installed maps each file of the archive to its path in a package. LIB stands for the folder of
// the loader's libraries, which depends on architecture and distribution.
var installed = map[string]string{
	"out_es.so": "usr/LIB/out_es.so", "out_es_aws.so": "usr/LIB/out_es_aws.so", "out-es": "usr/bin/out-es", "out_es-lint": "usr/bin/out_es-lint",
	"man/out-es.1": "usr/share/man/man1/out-es.1", "man/out-es-check.1": "usr/share/man/man1/out-es-check.1",
	"completions/out-es.bash": "usr/share/bash-completion/completions/out-es",
	"LICENSE":                 "usr/share/doc/out-es/copyright", "THIRD_PARTY.txt": "usr/share/doc/out-es/THIRD_PARTY.txt",
	"sbom.cdx.json": "usr/share/doc/out-es/sbom.cdx.json", "CHANGELOG.md": "usr/share/doc/out-es/CHANGELOG.md",
}

// program skips the test where a program is missing, and says which Debian package has it.
func program(t *testing.T, name, debian string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%v. Debian, Ubuntu: apt-get install %s", err, debian)
	}
}

// output runs a command and returns its standard output.
func output(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	command := exec.Command(name, arguments...)
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, problems.Bytes())
	}
	return out.String()
}

func packageFile(t *testing.T, arch, kind string) string {
	t.Helper()
	return filepath.Join(folder(t), "out_es-"+os.Getenv("OUT_ES_VERSION")+"-linux-"+arch+"."+kind)
}

// compare compares the files that a package installed below root with the archive of its
// architecture.
func compare(t *testing.T, arch, root, lib string) {
	t.Helper()
	into := unpack(t, arch)
	for from, to := range installed {
		want, err := os.ReadFile(filepath.Join(into, from))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, strings.Replace(to, "LIB", lib, 1))
		have, err := os.ReadFile(path)
		if err != nil || sha256.Sum256(have) != sha256.Sum256(want) {
			t.Errorf("%s is not the archive's %s (%v)", path, from, err)
		}
	}
	loads, err := os.ReadFile(filepath.Join(root, "etc/fluent-bit/plugins-out_es.conf"))
	if err != nil || !strings.Contains(string(loads), "Path /usr/"+lib+"/out_es.so\n") {
		t.Errorf("the plugins file does not name the plugin (%v):\n%s", err, loads)
	}
}

// install installs a Debian package into a root of its own and returns that.
func install(t *testing.T, arch string) string {
	t.Helper()
	program(t, "dpkg", "dpkg")
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg/info"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The root has no C library, and dpkg only notes the architecture that it is given.
	output(t, "dpkg", "--root="+root, "--force-depends,architecture,not-root,bad-path", "--log=/dev/null", "--install", packageFile(t, arch, "deb"))
	return root
}

func TestDebianPackages(t *testing.T) {
	for arch, a := range architectures {
		t.Run(arch, func(t *testing.T) {
			if says := output(t, "dpkg-deb", "--field", packageFile(t, arch, "deb"), "Package", "Version", "Architecture"); !strings.Contains(says, "Package: out-es\nVersion: "+os.Getenv("OUT_ES_VERSION")) || !strings.Contains(says, "Architecture: "+a.debian+"\n") {
				t.Errorf("the package says\n%s", says)
			}
			compare(t, arch, install(t, arch), "lib")
		})
	}
}

func TestRPMPackages(t *testing.T) {
	program(t, "rpm2cpio", "rpm2cpio")
	program(t, "cpio", "cpio")
	for arch, a := range architectures {
		t.Run(arch, func(t *testing.T) {
			if a.rpm == "" {
				if _, err := os.Stat(packageFile(t, arch, "rpm")); err == nil {
					t.Error("there is a package that no distribution takes")
				}
				return
			}
			header, err := os.ReadFile(packageFile(t, arch, "rpm"))
			if err != nil || !bytes.Contains(header, []byte("\x00"+a.rpm+"\x00")) {
				t.Errorf("the package is not for %s (%v)", a.rpm, err)
			}
			root := t.TempDir()
			output(t, "sh", "-c", `cd "$1" && rpm2cpio "$2" | cpio --extract --make-directories --no-absolute-filenames --quiet`, "sh", root, packageFile(t, arch, "rpm"))
			compare(t, arch, root, "lib64")
		})
	}
}

// TestFluentBitLoadsTheInstalledPlugin starts Fluent Bit as the service of its packages does,
// without -e: the plugin comes by plugins_file.
func TestFluentBitLoadsTheInstalledPlugin(t *testing.T) {
	folder(t)
	path := fluentbit.ForTest(t)
	root := install(t, runtime.GOARCH)
	// The root is not this machine's, so that the path in the file is made to begin there.
	text, err := os.ReadFile(filepath.Join(root, "etc/fluent-bit/plugins-out_es.conf"))
	if err != nil {
		t.Fatal(err)
	}
	plugins := filepath.Join(root, "plugins.conf")
	if err := os.WriteFile(plugins, bytes.ReplaceAll(text, []byte("Path /usr"), []byte("Path "+root+"/usr")), 0o644); err != nil {
		t.Fatal(err)
	}
	bulk := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/_bulk") {
			bulk <- r.UserAgent()
		}
		fmt.Fprint(w, `{"errors":false,"items":[{"create":{"status":201}}]}`)
	}))
	t.Cleanup(server.Close)
	conf := filepath.Join(root, "fluent-bit.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "[SERVICE]\n    flush 0.2\n    plugins_file %s\n[INPUT]\n    name dummy\n    samples 1\n[OUTPUT]\n    name es_go\n    match *\n    hosts %s\n", plugins, server.URL), 0o644); err != nil {
		t.Fatal(err)
	}
	log := &support.Journal{}
	agent := exec.CommandContext(t.Context(), path, "-c", conf)
	agent.Stdout, agent.Stderr = log, log
	agent.SysProcAttr = support.DieWithParent()
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	}()
	select {
	case who := <-bulk:
		if want := "out_es/" + os.Getenv("OUT_ES_VERSION"); !strings.HasPrefix(who, want) {
			t.Errorf("the request came from %q, not from %s", who, want)
		}
	case <-time.After(time.Minute):
		t.Errorf("no record came:\n%s", log)
	}
}
