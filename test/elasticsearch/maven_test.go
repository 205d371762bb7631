package elasticsearch

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestDownloadsAreAddedUp(t *testing.T) {
	var shown bytes.Buffer
	d := &downloads{progress: &shown}
	fmt.Fprint(d, "[INFO] Scanning for projects...\nDownloading from central: URL\nDownloaded from central: URL (1.5 MB at 3.0 MB/s)\nDownloa")
	fmt.Fprint(d, "ded from central: URL (500 kB at 9.0 kB/s)\r\n[ERROR] Could not resolve\nhalf a line")
	if d.files != 2 || d.bytes != 2e6 {
		t.Errorf("%d files of %.0f bytes, want 2 of 2,000,000", d.files, d.bytes)
	}
	if got := shown.String(); got != "  1 files, 1.5 MB\n" {
		t.Errorf("shown: %q, want the first file at once and the second not within two seconds", got)
	}
	if got := d.rest.String(); got != "[ERROR] Could not resolve\n" || strings.Contains(got, "Download") {
		t.Errorf("kept for the error: %q", got)
	}
}
