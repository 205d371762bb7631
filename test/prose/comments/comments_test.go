package comments

import (
	"fmt"
	"strings"
	"testing"
)

func TestCommentsOfEachLanguage(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a.go": {
			"// Package a is small.\n//\n//\tcode\npackage a\n\n//go:build linux\n\nvar s = \"// none\" // trails\n\n/* block\n * more */\n",
			"1 Package a is small.|2 |3 \tcode|8+trails|10 block|11 more",
		},
		"a.c":        {"/* One\n * two. */\nchar *s = \"/* none */\"; // trails\nint x; /* here */ int y;\n", "1 One|2 two.|3+trails|4+here"},
		"A.java":     {"/** Doc. */\nchar c = '\"'; // trails\n", "1 Doc.|2+trails"},
		"a.lua":      {"-- One\nlocal s = \"-- none\" -- trails\n--[[ block\nmore ]]\n", "1 One|2+trails|3 block|4 more"},
		"a.sh":       {"#!/bin/sh\n# One's own\necho \"# none\" '# none' x#y # trails\n", "2 One's own|3+trails"},
		"a.yaml":     {"# One\nkey: it's here # trails\nurl: http://host/#none\n", "1 One|2+trails"},
		"a.py":       {"# One\ns = '# none'  # trails\n", "1 One|2+trails"},
		"Makefile":   {"# One\nall: ## Help\n", "1 One|2+# Help"},
		"x/.ci/run":  {"#!/usr/bin/env bash\n# One\n", "2 One"},
		"Dockerfile": {"# One\nRUN true\n", "1 One"},
	} {
		lines, known := Of(name, []byte(c.text))
		var got []string
		for _, line := range lines {
			mark := " "
			if line.Trailing {
				mark = "+"
			}
			got = append(got, fmt.Sprintf("%d%s%s", line.Number, mark, line.Text))
		}
		if s := strings.Join(got, "|"); !known || s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
	if _, known := Of("a.png", nil); known {
		t.Error("a picture has no comments")
	}
}

func TestMessagesOfAFile(t *testing.T) {
	const text = "package a\n\nvar a = \"short\"\n\nfunc f() { log(\"one two three four\", \"five six\", `raw one two three`) }\n"
	got := Messages("a.go", []byte(text))
	if len(got) != 1 || got[0].Number != 5 || got[0].Text != "one two three four" {
		t.Errorf("%+v", got)
	}
	got = Messages("a.yml", []byte("alert: A\nannotations:\n  summary: \"one two\"\n  description: three\n"))
	if len(got) != 2 || got[0].Text != "one two" || got[1].Number != 4 || got[1].Text != "three" {
		t.Errorf("%+v", got)
	}
}
