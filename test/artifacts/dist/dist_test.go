// Package dist tests the output of "make dist": "make test-dist" names it in OUT_ES_DIST.
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

	"github.com/CycloneDX/cyclonedx-go"

	"out_es/test/artifacts/sharedobject"
)

// contents are the files of each archive, below a folder of the archive's name.
var contents = []string{"CHANGELOG.md", "LICENSE", "THIRD_PARTY.txt", "completions/out-es.bash", "completions/out-es.fish", "completions/out-es.zsh",
	"man/out-es-check.1", "man/out-es-migrate.1", "man/out-es-preview.1", "man/out-es-replay.1", "man/out-es-spool.1", "man/out-es.1", "out-es", "out_es-lint", "out_es.so", "out_es_aws.so", "sbom.cdx.json"}

// plugins are those of the contents that Fluent Bit loads.
var plugins = []string{"out_es.so", "out_es_aws.so"}

// architecture holds the names that other programs have for one of ours.
type architecture struct {
	machine elf.Machine
	// goarch is Go's, debian dpkg's and rpm that of RPM packages, "" where no distribution with
	// them is left.
	goarch, debian, rpm string
	// triplet names the cross compiler and the folder of its C library, emulator the program that
	// runs it elsewhere.
	triplet, emulator string
}

var architectures = map[string]architecture{
	"amd64": {elf.EM_X86_64, "amd64", "amd64", "x86_64", "x86_64-linux-gnu", "qemu-x86_64"},
	"arm64": {elf.EM_AARCH64, "arm64", "arm64", "aarch64", "aarch64-linux-gnu", "qemu-aarch64"},
	"armv7": {elf.EM_ARM, "arm", "armhf", "", "arm-linux-gnueabihf", "qemu-arm"},
	"s390x": {elf.EM_S390, "s390x", "s390x", "s390x", "s390x-linux-gnu", "qemu-s390x"},
}

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
		path := filepath.Join(into, rest)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if entry.Typeflag == tar.TypeSymlink {
			if err := os.Symlink(entry.Linkname, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, entry.FileInfo().Mode()); err != nil {
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
	for arch := range architectures {
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
	for arch, a := range architectures {
		into := unpack(t, arch)
		for _, plugin := range plugins {
			facts, err := sharedobject.Read(filepath.Join(into, plugin))
			if err != nil {
				t.Fatal(err)
			}
			if facts.Machine != a.machine {
				t.Errorf("%s for %s is for %v", plugin, arch, facts.Machine)
			}
			for _, fault := range facts.Unfit() {
				t.Errorf("%s for %s: %s", plugin, arch, fault)
			}
			if facts.Go != runtime.Version() {
				t.Errorf("%s for %s was built with %s, here is %s", plugin, arch, facts.Go, runtime.Version())
			}
		}
	}
}

// TestTheBillNamesTheFiles holds an archive's bill of materials to the files in it: each by its
// hash, and AWS's SDK not in the ordinary plugin.
func TestTheBillNamesTheFiles(t *testing.T) {
	for arch := range architectures {
		into := unpack(t, arch)
		text, err := os.ReadFile(filepath.Join(into, "sbom.cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		bom := new(cyclonedx.BOM)
		if err := cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
			t.Fatal(err)
		}
		hashes, linked := map[string]string{}, map[string]string{}
		for _, c := range *bom.Components {
			if c.Hashes != nil {
				hashes[c.BOMRef] = (*c.Hashes)[0].Value
			}
		}
		for _, d := range *bom.Dependencies {
			linked[d.Ref] = strings.Join(*d.Dependencies, " ")
		}
		for _, name := range append(slices.Clone(plugins), "out-es") {
			content, err := os.ReadFile(filepath.Join(into, name))
			if err != nil {
				t.Fatal(err)
			}
			if hash := fmt.Sprintf("%x", sha256.Sum256(content)); hashes[name] != hash {
				t.Errorf("%s: %s is in the bill with the hash %q, it has %s", arch, name, hashes[name], hash)
			}
			if sdk := strings.Contains(linked[name], "pkg:golang/github.com/aws/"); sdk == (name == "out_es.so") || linked[name] == "" {
				t.Errorf("%s: %s is made of %q", arch, name, linked[name])
			}
		}
	}
}

// TestTheSameSourceGivesTheSameFiles builds once more, from a copy in another folder and without
// the results of the first build in Go's cache, and compares archives.
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
	again := []string{"amd64", "s390x"} // one of each byte order: a build without a cache takes minutes
	build := exec.Command("make", "dist", "ARCHES="+strings.Join(again, " "), "VERSION="+os.Getenv("OUT_ES_VERSION"), "COMMIT="+os.Getenv("OUT_ES_COMMIT"))
	build.Dir = copied
	build.Env = append(os.Environ(), "GOCACHE="+filepath.Join(t.TempDir(), "cache"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
	for _, arch := range again {
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
}
