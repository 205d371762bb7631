package elasticsearch

import "strings"

// MissingToolError says that a program this needs isn't installed, and how to install it.
type MissingToolError struct {
	Tool   string // the missing tool, in a user's words: "a JDK, version 21 or newer"
	Found  string // the tool that was found and is unsuitable; may be empty
	Debian string // how to install it on Debian and Ubuntu
	MacOS  string // how to install it on macOS
}

// Error is several lines: the tool, the unsuitable one, and one line for each system.
func (e *MissingToolError) Error() string {
	var b strings.Builder
	b.WriteString(e.Tool + " is needed and was not found")
	if e.Found != "" {
		b.WriteString(" (" + e.Found + ")")
	}
	b.WriteString("\n  Debian, Ubuntu:  " + e.Debian)
	b.WriteString("\n  macOS:           " + e.MacOS)
	return b.String()
}
