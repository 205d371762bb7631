package sections

import "strings"

// Match reports whether a tag matches an output's Match, in which * stands for any number of
// characters.
func Match(pattern, tag string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == tag
	}
	tag, ok := strings.CutPrefix(tag, head)
	if !ok {
		return false
	}
	if rest == "" {
		return true
	}
	for i := range len(tag) + 1 {
		if Match(rest, tag[i:]) {
			return true
		}
	}
	return false
}
