package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Format is an output format of findings.
type Format string

// The formats: a line a finding, a JSON array, and the workflow commands with which hosted CI shows
// findings beside the lines.
const (
	Text   Format = "text"
	JSON   Format = "json"
	GitHub Format = "github"
)

// Write writes findings.
//
// Possible errors: those of out, and an unknown format.
func Write(out io.Writer, findings []Finding, format Format) error {
	switch format {
	case Text:
		for _, f := range findings {
			if _, err := fmt.Fprintln(out, f); err != nil {
				return err
			}
		}
		return nil
	case JSON:
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(append([]Finding{}, findings...)) // [] where there is none, not null
	case GitHub:
		escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
		property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
		for _, f := range findings {
			command := string(f.Severity)
			if f.Severity == Note {
				command = "notice"
			}
			if _, err := fmt.Fprintf(out, "::%s file=%s,line=%d,title=out-es check %s::%s\n",
				command, property.Replace(f.File), f.Line, f.Rule, escape.Replace(f.Message)); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("lint: format %q: must be text, json or github", format)
}
