package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

//go:embed c/*.c c/*.h
var source embed.FS

// executable returns the compiled C program, and compiles it if the user's cache lacks it. Two
// processes may do so at once: each compiles into a folder of its own and renames, so that no
// process sees half a program.
func executable(ctx context.Context, o Options) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("host: no cache folder for the compiled host: %w: set HOME or XDG_CACHE_HOME", err)
	}
	compiler := strings.Fields(cmp.Or(o.Compiler, os.Getenv("CC")))
	if len(compiler) == 0 {
		compiler = []string{"cc"}
	}
	args := append(compiler[1:], "-O2", "-g", "-fvisibility=hidden", "-rdynamic")
	if o.Bare {
		args = append(args, "-DHOST_BARE")
	}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.GOOS, runtime.GOARCH, compiler, args)
	files, err := sources(func(name string, text []byte) error {
		fmt.Fprintf(hash, "%s %d\n%s", name, len(text), text)
		return nil
	})
	if err != nil {
		return "", err
	}
	program := filepath.Join(cache, "out_es", fmt.Sprintf("host-%x", hash.Sum(nil)[:8]))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	args = append(append(args, "-o", "host"), files...)
	return program, compile(ctx, program, exec.CommandContext(ctx, compiler[0], append(args, "-ldl", "-lpthread")...))
}

// sources calls do for each embedded file and returns the names of the .c files.
func sources(do func(name string, text []byte) error) (compiled []string, err error) {
	err = fs.WalkDir(source, "c", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if filepath.Ext(path) == ".c" {
			compiled = append(compiled, entry.Name())
		}
		text, err := source.ReadFile(path)
		if err != nil {
			return err
		}
		return do(entry.Name(), text)
	})
	return compiled, err
}

func compile(ctx context.Context, program string, cc *exec.Cmd) error {
	if errors.Is(cc.Err, exec.ErrNotFound) {
		return fmt.Errorf("host: %w: the test host needs a C compiler. Debian, Ubuntu: apt-get install gcc libc6-dev; "+
			"macOS: xcode-select --install; or name one in CC", cc.Err)
	}
	folder, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	defer os.RemoveAll(folder)
	_, err = sources(func(name string, text []byte) error {
		return os.WriteFile(filepath.Join(folder, name), text, 0o600)
	})
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	cc.Dir = folder
	if out, err := cc.CombinedOutput(); err != nil {
		return fmt.Errorf("host: can't compile the test host with %s: %w (it needs a C compiler with the C library's headers, "+
			"on Debian and Ubuntu gcc and libc6-dev)\n%s", cc.Path, errors.Join(err, ctx.Err()), out)
	}
	if err := os.Rename(filepath.Join(folder, "host"), program); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}
