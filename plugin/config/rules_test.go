package config

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// linked are the options that rows name in a column.
func linked(o *Option) []string {
	names := slices.Clone(o.Differs)
	for _, link := range slices.Concat(o.Needs, o.Excludes) {
		names = append(names, link.Option)
		if link.Or != "" {
			names = append(names, link.Or)
		}
	}
	if o.AtMost != "" {
		names = append(names, o.AtMost)
	}
	return names
}

func TestLinksLeadToOptionsOfTheirKind(t *testing.T) {
	for i := range table {
		o := &table[i]
		for _, name := range linked(o) {
			if other := optionOf(name); other == nil || other == o {
				t.Errorf("%s is linked to %q", o.Name, name)
			}
		}
		for _, name := range append(slices.Clone(o.Differs), o.AtMost) {
			if name == "" {
				continue
			}
			_, text := optionOf(name).field(&Config{}).(*string)
			_, duration := optionOf(name).field(&Config{}).(*time.Duration)
			if text != (name != o.AtMost) || duration != (name == o.AtMost) {
				t.Errorf("%s can't be compared with %s", o.Name, name)
			}
		}
		for _, link := range slices.Concat(o.Needs, o.Excludes) {
			checkValues(t, o, link.When)
			checkValues(t, optionOf(link.Option), link.Is)
		}
	}
}

// checkValues checks that an option can have each of the values.
func checkValues(t *testing.T, o *Option, values string) {
	t.Helper()
	for value := range strings.FieldsSeq(values) {
		if _, err := o.parse(value); err != nil || o.Kind != Choice && o.Kind != Switch {
			t.Errorf("%s can't be %q", o.Name, value)
		}
	}
}

// given is a section with a value of o for which a link counts.
func given(o *Option, l Link) map[string]string {
	value := other(o)
	if words := strings.Fields(l.When); len(words) > 0 {
		value = words[0]
	}
	return map[string]string{"Hosts": "https://localhost", o.Name: value}
}

func TestEveryNeedIsReported(t *testing.T) {
	for i := range table {
		o := &table[i]
		for _, link := range o.Needs {
			if o.AWS && !hasAWS {
				continue
			}
			values := given(o, link)
			if link.Option == "TLS_Verify" {
				values["TLS_Verify"] = "off" // it is on by default
			}
			wantFault(t, values, o, link)
		}
	}
}

func TestEveryContradictionIsReported(t *testing.T) {
	for i := range table {
		o := &table[i]
		for _, link := range o.Excludes {
			values := given(o, link)
			against := optionOf(link.Option)
			value := other(against)
			if words := strings.Fields(link.Is); len(words) > 0 {
				value = words[0]
			}
			maps.Copy(values, map[string]string{against.Name: value})
			wantFault(t, values, o, link)
		}
	}
}

func wantFault(t *testing.T, values map[string]string, o *Option, link Link) {
	t.Helper()
	_, faults := Parse(section(values))
	if !slices.ContainsFunc(faults, func(f Fault) bool {
		return f.Option == o.Name && (f.Advice == link.Why || link.Why == "" && strings.Contains(f.Advice, link.Option))
	}) {
		t.Errorf("%v: %s should name %s (%q); faults %v", values, o.Name, link.Option, link.Why, faults)
	}
}

func TestOptionsWithoutEffectWithoutTLSAreReported(t *testing.T) {
	for i := range table {
		o := &table[i]
		if !o.TLS {
			continue
		}
		for host, want := range map[string]bool{"http://localhost": true, "https://localhost": false} {
			_, faults := Parse(section(map[string]string{"Hosts": host, o.Name: other(o)}))
			told := slices.ContainsFunc(faults, func(f Fault) bool {
				return f.Option == o.Name && strings.Contains(f.Advice, "works only with https://")
			})
			if told != want {
				t.Errorf("%s at %s: %v", o.Name, host, faults)
			}
		}
	}
}
