package config

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one error in a section.
type Fault struct {
	Option string
	// Value is the section's value, masked if it is secret; empty if the fault is not about one
	// value.
	Value  string
	Advice string
}

func (f Fault) String() string {
	if f.Value == "" {
		return f.Option + " " + f.Advice
	}
	return fmt.Sprintf("%s %q: %s", f.Option, f.Value, f.Advice)
}

// Faults are all errors in a section.
type Faults []Fault

func (f Faults) about(option string) bool {
	for _, fault := range f {
		if fault.Option == option {
			return true
		}
	}
	return false
}

// Err is nil without faults, else an error with one line a fault.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return errors.New(strings.Join(lines, "\n"))
}

var errNotAWS = errors.New("this build can't sign requests for AWS: load out_es_aws.so in place of out_es.so (\"make aws\" builds it)")

// fault reports err about the value text of o, without its secrets.
func (o *Option) fault(text string, err error) Fault {
	text = o.masked(text)
	advice := err.Error()
	if strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "'") {
		advice += "; Fluent Bit's classic format keeps quotes as part of the value: remove them"
	} else if strings.Contains(text, " #") {
		advice += "; Fluent Bit's classic format keeps a comment behind a value: move it to a line of its own"
	}
	return Fault{Option: o.Name, Value: text, Advice: advice}
}

// masked hides the secret part of a value: all of a Secret and of Headers, and in URLs everything
// before the last @. A password in an invalid URL may contain any of the characters that divide a
// URL, so nothing finer is safe.
func (o *Option) masked(text string) string {
	switch {
	case (o.Kind == Secret || o.Kind == Headers) && text != "":
		return "***"
	case (o.Kind == URLs || o.Kind == Proxy) && strings.Contains(text, "@"):
		return "***" + text[strings.LastIndexByte(text, '@'):]
	}
	return text
}

// FaultOf reports err about an option that the caller checked.
func (c *Config) FaultOf(name, value string, err error) Fault {
	if o := optionOf(name); o != nil {
		return o.fault(value, err)
	}
	return Fault{Option: name, Value: value, Advice: err.Error()}
}

func optionOf(name string) *Option {
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	return nil
}
