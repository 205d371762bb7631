package classic

import (
	"os"
	"strings"
)

// replaceVariables replaces ${VAR} in a section's values. once remembers what was reported as not set.
func (r *reader) replaceVariables(s *Section, c *Config, once map[string]bool) {
	for i := range s.Properties {
		value, unset := expand(s.Properties[i][1], r.lookup)
		s.Properties[i][1] = value
		for _, name := range unset {
			if !once["$"+name] {
				c.Unset = append(c.Unset, name)
			}
			once["$"+name] = true
		}
	}
}

// lookup prefers @SET to the environment; an empty environment variable is as good as none.
func (r *reader) lookup(name string) (string, bool) {
	if value, ok := r.variables[name]; ok {
		return value, true
	}
	value := os.Getenv(name)
	return value, value != ""
}

// expand replaces each ${NAME} and ${NAME:-default} and returns the names that have neither value nor default; those leave
// nothing. A } before the next ${ ends the replacing, and so does an empty name (flb_env_var_translate also loses text then).
func expand(value string, lookup func(string) (string, bool)) (expanded string, unset []string) {
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
