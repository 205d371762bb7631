// Package dist tests what "make dist" made: "make test-dist" names it in OUT_ES_DIST.
package dist

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"out_es/test/elasticsearch"
	"out_es/test/host"
	"out_es/test/launch"
	"out_es/test/sharedobject"
)

// contents is what each archive holds, below a folder of the archive's name.
var contents = []string{"CHANGELOG.md", "LICENSE", "THIRD_PARTY.txt", "out_es-lint", "out_es.so", "sbom.cdx.json"}

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// folder is dist/.
func folder(t *testing.T) string {
	t.Helper()
	path := os.Getenv("OUT_ES_DIST")
	if path == "" {
		t.Skip("OUT_ES_DIST names no folder: make test-dist does")
	}
	return path
}

// unpack unpacks an architecture's archive and returns the folder in it.
func unpack(t *testing.T, arch string) string {
	t.Helper()
	name := "out_es-" + os.Getenv("OUT_ES_VERSION") + "-linux-" + arch
	file, err := os.Open(filepath.Join(folder(t), name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	var found []string
	for archive := tar.NewReader(unzipped); ; {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry.Typeflag == tar.TypeDir {
			continue
		}
		rest, ok := strings.CutPrefix(entry.Name, name+"/")
		if !ok || !filepath.IsLocal(rest) {
			t.Fatalf("the archive has %s", entry.Name)
		}
		if entry.Uid != 0 || entry.Gid != 0 || entry.Uname != "" || entry.ModTime.Unix() != 0 {
			t.Errorf("%s tells of the machine that built it: %+v", entry.Name, entry)
		}
		found = append(found, rest)
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, rest), text, entry.FileInfo().Mode()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, contents) {
		t.Errorf("the archive has %q, want %q", found, contents)
	}
	return into
}

func TestChecksums(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join(folder(t), "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for arch := range machines {
		name := "out_es-" + os.Getenv("OUT_ES_VERSION") + "-linux-" + arch + ".tar.gz"
		text, err := os.ReadFile(filepath.Join(folder(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(text), name); !strings.Contains(string(sums), line) {
			t.Errorf("SHA256SUMS lacks %s", line)
		}
	}
}

func TestItLoadsInTheImages(t *testing.T) {
	for arch, machine := range machines {
		facts, err := sharedobject.Read(filepath.Join(unpack(t, arch), "out_es.so"))
		if err != nil {
			t.Fatal(err)
		}
		if facts.Machine != machine {
			t.Errorf("the plugin for %s is for %v", arch, facts.Machine)
		}
		for _, fault := range facts.Unfit() {
			t.Errorf("%s: %s", arch, fault)
		}
		if facts.Go != runtime.Version() {
			t.Errorf("%s was built with %s, here is %s", arch, facts.Go, runtime.Version())
		}
	}
}

// foreign is what runs an architecture that is not this machine's.
func foreign(t *testing.T, arch string) (compiler string, runner []string) {
	t.Helper()
	if arch == runtime.GOARCH {
		return "", nil
	}
	prefix := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[arch]
	emulator := map[string]string{"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"}[arch]
	for _, program := range []string{prefix + "-gcc", emulator} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: the plugin for %s can't be run. Debian, Ubuntu: apt-get install gcc-%s qemu-user", err, arch, strings.ReplaceAll(prefix, "_", "-"))
		}
	}
	return prefix + "-gcc", []string{emulator, "-L", "/usr/" + prefix}
}

// TestItDelivers drives each plugin over the C ABI before the real Elasticsearch. It says at start what it is.
func TestItDelivers(t *testing.T) {
	folder(t)
	server := elasticsearch.ForTest(t, elasticsearch.Options{})
	for arch := range machines {
		t.Run(arch, func(t *testing.T) {
			compiler, runner := foreign(t, arch)
			log := &launch.Journal{}
			h, err := host.Start(t.Context(), host.Options{
				Plugin: filepath.Join(unpack(t, arch), "out_es.so"), Log: log, Compiler: compiler, Runner: runner,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			index := "dist-" + arch
			output, err := h.Init(host.Instance{Workers: 1, Properties: [][2]string{
				{"Hosts", server.URL()}, {"Index", index}, {"Generate_ID", "on"}, {"Request_Timeout", "30s"},
			}})
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			records := slices.Repeat([]string{`{"log":"a line","n":1}`}, 1000)
			chunks, err := host.Chunks(host.Nested, time.Now(), records...)
			if err != nil {
				t.Fatal(err)
			}
			for _, chunk := range chunks {
				if code, err := output.Flush(t.Context(), "app", chunk.Bytes); err != nil || code != host.OK {
					t.Fatalf("the flush ended with %v, %v\n%s", code, err, log)
				}
			}
			if err := errors.Join(output.Exit(), h.Unregister()); err != nil {
				t.Error(err)
			}
			if err := server.Refresh(t.Context(), index); err != nil {
				t.Error(err)
			}
			if count, err := server.Count(t.Context(), index); err != nil || count != len(records) {
				t.Errorf("%d documents of %d are there (%v)\n%s", count, len(records), err, log)
			}
			said := fmt.Sprintf("version %s (%s, %s)", os.Getenv("OUT_ES_VERSION"), os.Getenv("OUT_ES_COMMIT"), runtime.Version())
			if !strings.Contains(log.String(), said) {
				t.Errorf("it does not say %q at start:\n%s", said, log)
			}
		})
	}
}

// TestTheSameSourceGivesTheSameFiles builds once more, from a copy in another folder and without what the first build left in Go's
// cache, and compares archives.
func TestTheSameSourceGivesTheSameFiles(t *testing.T) {
	before := folder(t)
	root := filepath.Dir(before)
	copied := filepath.Join(t.TempDir(), "somewhere", "else")
	if err := os.MkdirAll(copied, 0o700); err != nil {
		t.Fatal(err)
	}
	copying := exec.Command("sh", "-c", `git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1"`, "sh", copied)
	copying.Dir = root
	if out, err := copying.CombinedOutput(); err != nil {
		t.Fatalf("can't copy the source: %v\n%s", err, out)
	}
	arch := runtime.GOARCH
	build := exec.Command("make", "dist", "ARCHES="+arch, "VERSION="+os.Getenv("OUT_ES_VERSION"), "COMMIT="+os.Getenv("OUT_ES_COMMIT"))
	build.Dir = copied
	build.Env = append(os.Environ(), "GOCACHE="+filepath.Join(t.TempDir(), "cache"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
	name := "out_es-" + os.Getenv("OUT_ES_VERSION") + "-linux-" + arch + ".tar.gz"
	first, err := os.ReadFile(filepath.Join(before, name))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(copied, filepath.Base(before), name))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("two builds of %s differ: %x and %x", name, sha256.Sum256(first), sha256.Sum256(second))
	}
}
