package elasticsearch

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// prepare makes sure that the home folder of a distribution is there, filling it from Maven Central
// the first time.
//
// The folder appears whole or not at all: it is filled under another name and renamed in the end,
// so an interrupted download leaves nothing that looks finished. A lock file makes a second process
// wait for the first one.
func prepare(ctx context.Context, d distribution, java jdk, home string, progress io.Writer) error {
	if isPrepared(home) {
		return nil
	}
	unlock, err := lock(ctx, home+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if isPrepared(home) {
		return nil // by the process we waited for
	}
	fmt.Fprintf(progress, "Fetching %s from Maven Central, once, into %s\n", d.name(), home)
	partial := home + ".partial"
	if err := os.RemoveAll(partial); err != nil { // an earlier, interrupted try; ours alone under the lock
		return fmt.Errorf("elasticsearch: %w", err)
	}
	if err := fill(ctx, d, java, partial, progress); err != nil {
		return err
	}
	if err := os.Rename(partial, home); err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	return nil
}

// homeFolder names the distribution's folder in the user's cache. The name holds a digest of the
// launcher's files, so a changed pom or launcher gets a folder of its own and a server that runs
// from the old one isn't disturbed.
func homeFolder(d distribution) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("elasticsearch: no place for its jars: %w; set HOME or XDG_CACHE_HOME", err)
	}
	digest := sha256.New()
	files := d.files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(digest, "%s\n%s\n", name, files[name])
	}
	name := strings.ReplaceAll(strings.ToLower(d.name()), " ", "-") + "-" + hex.EncodeToString(digest.Sum(nil)[:4])
	return filepath.Join(cache, "out_es", name), nil
}

func isPrepared(home string) bool {
	info, err := os.Stat(home)
	return err == nil && info.IsDir()
}

func fill(ctx context.Context, d distribution, java jdk, home string, progress io.Writer) error {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	for name, content := range d.files() {
		if err := os.WriteFile(filepath.Join(home, name), content, 0o644); err != nil {
			return fmt.Errorf("elasticsearch: %w", err)
		}
	}
	jars := filepath.Join(home, "jars")
	if err := copyJars(ctx, java, filepath.Join(home, "pom.xml"), d.version, jars, progress); err != nil {
		return err
	}
	if err := checkJars(jars); err != nil {
		return err
	}
	arrange := d.arrange
	if d.secured != nil {
		if err := addSecurity(ctx, d, java, home, progress); err != nil {
			return err
		}
		arrange = func(home string) error { return d.secured.arrange(home, java, d.version) }
	}
	if err := arrange(home); err != nil {
		return fmt.Errorf("elasticsearch: arranging %s: %w", d.name(), err)
	}
	return nil
}

// addSecurity fetches the additional jars of security into home/security.
func addSecurity(ctx context.Context, d distribution, java jdk, home string, progress io.Writer) error {
	security := filepath.Join(home, "security")
	if err := copyJars(ctx, java, filepath.Join(home, "pom.xml"), d.version, security, progress, "secured"); err != nil {
		return err
	}
	if err := checkJars(security); err != nil {
		return err
	}
	paths, _ := filepath.Glob(filepath.Join(home, "jars", "*.jar"))
	for _, path := range paths {
		if err := os.Remove(filepath.Join(security, filepath.Base(path))); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("elasticsearch: %w", err)
		}
	}
	return nil
}

// checkJars opens every jar: a download cut short has no directory at its end.
func checkJars(jars string) error {
	paths, _ := filepath.Glob(filepath.Join(jars, "*.jar")) // the only error is a malformed pattern
	if len(paths) == 0 {
		return fmt.Errorf("elasticsearch: Maven ended well and fetched no jar into %s", jars)
	}
	for _, path := range paths {
		archive, err := zip.OpenReader(path)
		if err != nil {
			return fmt.Errorf("elasticsearch: %s is damaged (%w); delete it from Maven's local repository "+
				"(usually ~/.m2/repository) and start again", filepath.Base(path), err)
		}
		archive.Close()
	}
	return nil
}
