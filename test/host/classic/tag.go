package classic

import "strings"

// TagOf makes a file's tag from its tail input's Tag: the first * becomes the path, with / \ and :
// as dots, no two dots in a row, none at the end, and none in place of a leading slash; further *
// go. A Tag without * stays as it is.
func TagOf(tag, path string) string {
	before, after, star := strings.Cut(tag, "*")
	if !star {
		return tag
	}
	var out []byte
	for _, c := range []byte(before + path + after) {
		separator := c == '/' || c == '\\' || c == ':'
		if separator {
			c = '.'
		}
		switch {
		case separator && len(out) == 0:
		case c == '.' && len(out) > 0 && out[len(out)-1] == '.':
		case c == '*':
		default:
			out = append(out, c)
		}
	}
	return strings.TrimSuffix(string(out), ".")
}
