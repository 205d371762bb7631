package sections

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, tag string
		want         bool
	}{
		{"*", "anything", true}, {"*", "", true}, {"a", "a", true}, {"a", "ab", false}, {"", "a", false}, {"", "", true},
		{"kube.*", "kube.app", true}, {"kube.*", "kube.", true}, {"kube.*", "kub", false}, {"*.log", "a.log.log", true},
		{"*.log", "a.logs", false}, {"a*b*c", "abc", true}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "acb", false}, {"a**b", "ab", true},
		{"K*", "kube", false},
	} {
		if got := Match(c.pattern, c.tag); got != c.want {
			t.Errorf("%q and tag %q: %v", c.pattern, c.tag, got)
		}
	}
}
