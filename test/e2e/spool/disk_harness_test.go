package spool

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"out_es/test/e2e"
)

// disk is a real file system, ext4 on a file, that can be made to fail.
type disk struct {
	dir, images string
	image       int
}

// newDisk makes a disk and puts it into use, or skips the test.
func newDisk(t *testing.T) *disk {
	t.Helper()
	for _, program := range []string{"mkfs.ext4", "mount", "chattr", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("a disk that fails needs root and %s. Debian/Ubuntu: apt-get install e2fsprogs mount python3", program)
		}
	}
	d := &disk{dir: t.TempDir(), images: t.TempDir()}
	must(t, "truncate", "-s", "64M", d.path())
	must(t, "mkfs.ext4", "-q", "-F", d.path())
	if out, err := d.mount(); err != nil {
		t.Skipf("a disk that fails needs root, and loop devices: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", d.dir).Run() })
	return d
}

func (d *disk) path() string { return filepath.Join(d.images, fmt.Sprint("disk", d.image)) }

func (d *disk) mount() ([]byte, error) {
	return exec.Command("mount", "-o", "loop,errors=remount-ro", d.path(), d.dir).CombinedOutput()
}

// replace copies the disk's content to a new one, in the old one's place: the disk of a machine
// after a power cut, or after a repair. For a while none is there, so that the plugin meets that.
func (d *disk) replace(t *testing.T) {
	t.Helper()
	must(t, "umount", "-l", d.dir) // programs may have files open
	time.Sleep(2 * time.Second)    // longer than the sender's pauses
	old := d.path()
	d.image++
	must(t, "cp", "--sparse=always", old, d.path())
	if out, err := d.mount(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// How a disk goes down (EXT4_IOC_SHUTDOWN of the kernel's fs/ext4/ext4.h): all
// that is done with it from then on ends in EIO.
const (
	synced = 0 // after the data got to the disk
	cut    = 2 // at once, as in a power cut: unsynced data is lost
)

// shutdown takes the disk away.
func (d *disk) shutdown(t *testing.T, how int) {
	t.Helper()
	must(t, "python3", "-c", `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", int(sys.argv[2])))`, d.dir, fmt.Sprint(how))
}

// abort makes the file system find an error, and itself read-only.
func (d *disk) abort(t *testing.T) {
	t.Helper()
	must(t, "mount", "-o", "remount,abort", d.dir)
}

func must(t *testing.T, program string, arguments ...string) {
	t.Helper()
	if out, err := exec.Command(program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", program, arguments, err, out)
	}
}

// spoolOn is examples/spool.conf with its spool in another place.
func spoolOn(t *testing.T, dir string, changes ...string) string {
	t.Helper()
	return e2e.Edited(t, spoolFile, append([]string{"spool_path " + filepath.Join(dir, "spool"), "spool_linger 100ms", "request_timeout: retry_max 1s"}, changes...)...)
}

// inMemory are the changes of examples/spool.conf that make Fluent Bit itself
// write no files.
func inMemory() []string {
	return []string{"-storage.path", "-storage.sync", "-storage.checksum", "-storage.metrics", "-storage.max_chunks_up",
		"-storage.backlog.mem_limit", "storage.type memory", "-db", "-db.locking", "-dead_letter_file"}
}

// removeAll is os.RemoveAll that must succeed.
func removeAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}
