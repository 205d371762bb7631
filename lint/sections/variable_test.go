package sections

import "testing"

func TestExpand(t *testing.T) {
	lookup := func(name string) (string, bool) { return name + "!", name != "none" && name != "" }
	for value, want := range map[string]string{
		"":                 "",
		"plain":            "plain",
		"${A}":             "A!",
		"a${A}b${B}c":      "aA!bB!c",
		"${none}":          "",
		"${none:-x:-y}":    "x:-y",
		"${A:-x}":          "A!",
		"${none:-}":        "",
		"$A $$ {A}":        "$A $$ {A}",
		"${unfinished":     "${unfinished",
		"${}x":             "${}x",
		"} before ${A}":    "} before ${A}",
		"$kubernetes['x']": "$kubernetes['x']",
	} {
		if got, _ := expand(value, lookup); got != want {
			t.Errorf("%q becomes %q, want %q", value, got, want)
		}
	}
}
