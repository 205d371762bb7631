package sections

import (
	"os"
	"strings"
)

// replaceVariables replaces ${VAR} in a section's values.
func (r *reader) replaceVariables(s *Section) {
	for i := range s.Properties {
		p := &s.Properties[i]
		p.Value, p.Unset = expand(p.Raw, r.lookup)
	}
}

// lookup prefers the file's variables to the environment; an empty environment variable counts as
// missing. HOSTNAME is always set.
func (r *reader) lookup(name string) (string, bool) {
	if value, ok := r.variables[name]; ok {
		return value, true
	}
	if value, _ := r.environment(name); value != "" {
		return value, true
	}
	if name == "HOSTNAME" {
		value, err := os.Hostname()
		return value, err == nil
	}
	return "", false
}

// expand replaces each ${NAME} and ${NAME:-default} and returns the names that have neither value
// nor default; those leave nothing. A } before the next ${ ends the replacing, and so does an empty
// name (flb_env_var_translate also loses text then).
func expand(value string, lookup Lookup) (expanded string, unset []string) {
	var out strings.Builder
	rest := value
	for {
		begin, end := strings.Index(rest, "${"), strings.Index(rest, "}")
		if begin < 0 || end < 0 || end <= begin+len("${") {
			break
		}
		out.WriteString(rest[:begin])
		name, fallback, hasFallback := strings.Cut(rest[begin+len("${"):end], ":-")
		found, ok := lookup(name)
		switch {
		case ok && (found != "" || !hasFallback):
			out.WriteString(found)
		case hasFallback:
			out.WriteString(fallback)
		default:
			unset = append(unset, name)
		}
		rest = rest[end+1:]
	}
	out.WriteString(rest)
	return out.String(), unset
}
