// Package sharedobject inspects a built plugin: its dependencies on the machine that loads it, and
// its exports.
package sharedobject

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Facts describe a shared object.
type Facts struct {
	Machine elf.Machine
	// Bytes is the file's size.
	Bytes int64
	// Needed are the libraries that the loader must find, sorted.
	Needed []string
	// GLIBC is the newest version of the C library that a symbol asks for, such as 2.34.
	GLIBC string
	// Exports are the functions that others can call, sorted.
	Exports []string
	// Go is the version of the toolchain, such as go1.26.8; Modules are the linked modules, as
	// path@version.
	Go      string
	Modules []string
}

// Read reads an ELF file built by Go.
//
// Possible errors: the file is missing, or was not built by Go.
func Read(path string) (*Facts, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("sharedobject: %w", err)
	}
	f := &Facts{Bytes: stat.Size()}
	if err := f.readELF(path); err != nil {
		return nil, fmt.Errorf("sharedobject: %s: %w", path, err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("sharedobject: %w", err)
	}
	f.Go = info.GoVersion
	for _, module := range info.Deps {
		f.Modules = append(f.Modules, module.Path+"@"+module.Version)
	}
	return f, nil
}

func (f *Facts) readELF(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	f.Machine = file.Machine
	if f.Needed, err = file.ImportedLibraries(); err != nil {
		return err
	}
	slices.Sort(f.Needed)
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			f.Exports = append(f.Exports, s.Name)
		}
		if version, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && Newer(version, f.GLIBC) {
			f.GLIBC = version
		}
	}
	slices.Sort(f.Exports)
	return nil
}

// Newer reports whether version a, such as 2.34, is newer than b. An empty version is older than
// all.
func Newer(a, b string) bool {
	return slices.Compare(numbers(a), numbers(b)) > 0
}

func numbers(version string) []int {
	var all []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return all
		}
		all = append(all, n)
	}
	return all
}

// ImageGLIBC is the C library of the oldest official image of Fluent Bit that the plugin is for:
// Debian 12's, up to Fluent Bit 4.2.0; later ones have Debian 13's 2.41.
const ImageGLIBC = "2.36"

// provided are the libraries of the official image that a Go program can ask for; it has hardly
// more than a C library.
var provided = []string{
	"libc.so.6", "libresolv.so.2", "libpthread.so.0", "libdl.so.2",
	"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}

// Unfit returns the reasons why the plugin can't be loaded in the official image.
func (f *Facts) Unfit() []string {
	var all []string
	for _, library := range f.Needed {
		if !slices.Contains(provided, library) {
			all = append(all, "it needs "+library+", which the official image does not have")
		}
	}
	if f.GLIBC == "" {
		all = append(all, "it asks for no version of the C library: it is not what it seems")
	}
	if Newer(f.GLIBC, ImageGLIBC) {
		all = append(all, "it asks for GLIBC_"+f.GLIBC+", the image has "+ImageGLIBC+": build it on Debian 12, or with the Dockerfile")
	}
	for _, name := range abi {
		if !slices.Contains(f.Exports, name) {
			all = append(all, "it does not export "+name)
		}
	}
	for _, name := range others {
		if slices.Contains(f.Exports, name) {
			all = append(all, "it exports "+name)
		}
	}
	return all
}

// abi are the symbols that Fluent Bit looks up in an output plugin (src/proxy/go/go.c). others it
// would call, too, for all instances alike, or take for another kind of plugin.
var (
	abi    = []string{"FLBPluginExitCtx", "FLBPluginFlushCtx", "FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister"}
	others = []string{"FLBPluginFlush", "FLBPluginExit", "FLBPluginPreRegister", "FLBPluginInputCallback"}
)

// FromEnv is the plugin's path in OUT_ES_SO, "" if it is not set. "make test" sets it.
func FromEnv() (string, error) {
	path := os.Getenv("OUT_ES_SO")
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// AllFromEnv are the paths of the plugin and of its variant for AWS, as far as OUT_ES_SO and
// OUT_ES_AWS_SO name them. "make test-all" sets both.
func AllFromEnv() ([]string, error) {
	var all []string
	for _, variable := range []string{"OUT_ES_SO", "OUT_ES_AWS_SO"} {
		if os.Getenv(variable) == "" {
			continue
		}
		path, err := filepath.Abs(os.Getenv(variable))
		if err != nil {
			return nil, fmt.Errorf("sharedobject: %w", err)
		}
		all = append(all, path)
	}
	return all, nil
}
