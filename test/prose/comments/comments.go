// Package comments finds the comments of source files, in the languages of this repository.
package comments

import (
	"go/scanner"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Line is one line of a comment, without its delimiters.
type Line struct {
	Number   int // in the file, from 1
	Text     string
	Trailing bool // code stands before it
	Width    int  // of the whole line in columns, a tab as four
}

// syntax is how a language writes comments.
type syntax struct {
	line, begin, end string
	quotes           string // strings begin and end with one of these
}

var (
	c    = syntax{line: "//", begin: "/*", end: "*/", quotes: `"'`}
	hash = syntax{line: "#", quotes: `"'`}
	lua  = syntax{line: "--", begin: "--[[", end: "]]", quotes: `"'`}
)

// languages have a file's syntax, by extension, or by name where there is none. Go has its own
// scanner.
var languages = map[string]syntax{
	".c": c, ".h": c, ".java": c, ".lua": lua,
	".sh": hash, ".py": hash, ".yaml": hash, ".yml": hash, ".conf": hash, ".mtail": hash, ".properties": hash,
	"Makefile": hash, "Dockerfile": hash, "run": hash, "packages": hash, ".gitignore": hash, ".dockerignore": hash,
}

// Of returns the lines of a file's comments, and reports whether its language is known. Directives
// (//go:…, #!…) are no comments.
func Of(name string, text []byte) ([]Line, bool) {
	lines := strings.Split(string(text), "\n")
	if path.Ext(name) == ".go" {
		return ofGo(text, lines), true
	}
	language, known := languages[path.Ext(name)]
	if !known {
		language, known = languages[path.Base(name)]
	}
	if !known {
		return nil, false
	}
	return language.find(lines), true
}

func ofGo(text []byte, lines []string) (found []Line) {
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, scanner.ScanComments)
	for {
		position, kind, literal := s.Scan()
		switch {
		case kind == token.EOF:
			return found
		case kind != token.COMMENT || strings.HasPrefix(literal, "//go:") || strings.HasPrefix(literal, "//export "):
			continue
		}
		place := file.Position(position)
		for i, line := range strings.Split(literal, "\n") {
			number := place.Line + i
			whole := lines[number-1]
			found = append(found, Line{
				Number: number, Text: c.strip(line), Width: width(whole),
				Trailing: i == 0 && strings.TrimSpace(whole[:place.Column-1]) != "",
			})
		}
	}
}

// sentence is the fewest words of a message.
const sentence = 4

// annotation is a text of an alert.
var annotation = regexp.MustCompile(`^\s*(?:summary|description): *"?(.*?)"?$`)

// Messages returns the texts for operators in a file. In YAML these are the summaries and
// descriptions of alerts; in Go the interpreted strings of several words: log lines and errors. Of
// two in one line it returns the longer one.
func Messages(name string, text []byte) (found []Line) {
	if path.Ext(name) != ".go" {
		for i, line := range strings.Split(string(text), "\n") {
			if match := annotation.FindStringSubmatch(line); match != nil {
				found = append(found, Line{Number: i + 1, Text: match[1], Trailing: true})
			}
		}
		return found
	}
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	for {
		position, kind, literal := s.Scan()
		if kind == token.EOF {
			return found
		}
		message, err := strconv.Unquote(literal)
		if kind != token.STRING || literal[0] == '`' || err != nil || len(strings.Fields(message)) < sentence {
			continue
		}
		line := Line{Number: file.Line(position), Text: strings.ReplaceAll(message, "\n", " "), Trailing: true}
		if last := len(found) - 1; last < 0 || found[last].Number != line.Number {
			found = append(found, line)
		} else if len(found[last].Text) < len(line.Text) {
			found[last] = line
		}
	}
}

// find returns the comments of a language without a scanner of its own. Of a string it knows that a
// delimiter in it begins no comment.
func (s syntax) find(lines []string) (found []Line) {
	inBlock := false
	for i, line := range lines {
		begin, rest := 0, line
		if !inBlock {
			begin = s.beginOf(line)
			if begin < 0 || i == 0 && strings.HasPrefix(line, "#!") {
				continue
			}
			rest = line[begin:]
			inBlock = s.begin != "" && strings.HasPrefix(rest, s.begin)
		}
		if inBlock {
			if before, _, ended := strings.Cut(rest, s.end); ended {
				inBlock, rest = false, before
			}
		}
		found = append(found, Line{
			Number: i + 1, Text: s.strip(rest), Width: width(line), Trailing: strings.TrimSpace(line[:begin]) != "",
		})
	}
	return found
}

// beginOf returns where a comment begins in a line of code, -1 for none.
func (s syntax) beginOf(line string) int {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch at := line[i]; {
		case quote != 0:
			if at == '\\' {
				i++
			} else if at == quote {
				quote = 0
			}
		case s.begin != "" && strings.HasPrefix(line[i:], s.begin):
			return i
		case strings.HasPrefix(line[i:], s.line) && (s.line != "#" || i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i
		case strings.IndexByte(s.quotes, at) >= 0 && s.opens(line, i):
			quote = at
		}
	}
	return -1
}

// opens reports whether a quote begins a string: an apostrophe inside a word of YAML or of a
// shell's text does not.
func (s syntax) opens(line string, i int) bool {
	return s.line != "#" || i == 0 || strings.IndexByte(" \t=:([{,\"", line[i-1]) >= 0
}

// strip returns a comment's line without its delimiters and the decoration in front.
func (s syntax) strip(text string) string {
	text = strings.TrimRight(text, " \t\r")
	if s.begin != "" {
		text = strings.TrimSuffix(strings.TrimPrefix(text, s.begin), s.end)
	}
	trimmed := strings.TrimLeft(text, " \t")
	for _, decoration := range []string{s.line, "*"} {
		if decoration == "*" && s.begin != c.begin {
			break
		}
		if rest, found := strings.CutPrefix(trimmed, decoration); found {
			text = rest
			break
		}
	}
	text = strings.TrimRight(text, " \t")
	return strings.TrimPrefix(text, " ")
}

func width(line string) int {
	columns := 0
	for _, r := range line {
		columns++
		if r == '\t' {
			columns += 3
		}
	}
	return columns
}
