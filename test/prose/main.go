// Command prose runs vale, a linter of prose, over the repository's pages, comments and messages.
// `make prose` calls it with the version of vale that the Makefile names; the rules are .vale.ini
// and the folder styles.
//
// The pages are given to vale as they are. Comments are written to build/prose first, a Markdown
// file for each source file with every line at its place: one way for all languages, some of which
// vale does not know.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"out_es/test/prose/comments"
)

// folder is where the comments are written, and messages, in it, where the texts of log lines and
// errors are.
const (
	folder   = "build/prose"
	messages = folder + "/messages"
)

// product matches the files of which the messages are judged, too.
var product = regexp.MustCompile(`^(plugin|lint|tool|cmd)/.*\.go$|^deploy/metrics/rules\.yml$`)

func main() {
	vale := flag.String("vale", "vale", "the command that runs vale")
	flag.Parse()
	faults, err := run(strings.Fields(*vale))
	if err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(2)
	}
	os.Stdout.WriteString(faults)
	if faults != "" {
		fmt.Println("CONTRIBUTING.md (Words) says how to add a term.")
		os.Exit(1)
	}
}

// run returns vale's findings, a line each, "" where there are none.
//
// Possible errors: vale can't be run, vale rejects its configuration, a file can't be read
// or written.
func run(vale []string) (string, error) {
	list, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil { // an unpacked archive
		fmt.Fprintln(os.Stderr, "prose: skipped: git lists the files, and reports", err)
		return "", nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	var files []string
	for _, name := range strings.Fields(string(list)) {
		text, err := os.ReadFile(name)
		switch {
		case strings.Contains(name, "testdata/") || strings.HasPrefix(name, "third_party/") || os.IsNotExist(err):
			continue
		case err != nil:
			return "", err
		case filepath.Ext(name) == ".md":
			files = append(files, name)
			continue
		}
		lines, _ := comments.Of(name, text)
		pages := map[string][]comments.Line{folder: lines}
		if product.MatchString(name) && !strings.HasSuffix(name, "_test.go") {
			pages[messages] = comments.Messages(name, text)
		}
		for under, lines := range pages {
			if len(lines) == 0 {
				continue
			}
			file := filepath.Join(under, name+".md")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return "", err
			}
			if err := os.WriteFile(file, page(lines), 0o644); err != nil {
				return "", err
			}
			files = append(files, file)
		}
	}
	return lint(vale, files)
}

// page returns comments as Markdown, each line at its number. A comment ends with a full stop, so
// that it is no part of the next sentence: those behind code often have none.
func page(lines []comments.Line) []byte {
	var out bytes.Buffer
	inList := false
	for i, number := 0, 1; i < len(lines); number++ {
		if line := lines[i]; line.Number == number {
			text := strings.TrimLeft(line.Text, " \t")
			isCode := false
			isIndented := strings.HasPrefix(line.Text, "  ") || strings.HasPrefix(line.Text, "\t")
			switch {
			case text != "" && line.Trailing:
				out.WriteString("- ") // those of several lines are no sentence
			case strings.HasPrefix(text, "- "):
				inList = true
			case isIndented && inList:
				out.WriteString("  ")
			case isIndented: // code, or a table
				isCode = true
				out.WriteString("    ")
			default:
				inList = false
			}
			out.WriteString(text)
			i++
			last := line.Trailing || i == len(lines) || lines[i].Number != number+1 || lines[i].Trailing
			if last && !isCode && text != "" && !strings.ContainsAny(text[len(text)-1:], ".:;?!`|") {
				out.WriteByte('.')
			}
		} else {
			inList = false
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func lint(vale, files []string) (string, error) {
	cmd := exec.Command(vale[0], append(append(vale[1:len(vale):len(vale)], "--output=line"), files...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	// go run ends with 1 whatever vale ended with, so that an error of vale is known by its text.
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || len(out) == 0) {
		return "", fmt.Errorf("%s: %w\n%s%s", vale, err, out, stderr.Bytes())
	}
	var faults strings.Builder
	for line := range strings.Lines(string(out)) {
		if rest, found := strings.CutPrefix(line, folder+"/"); found {
			line = strings.Replace(strings.TrimPrefix(rest, "messages/"), ".md:", ":", 1)
		}
		faults.WriteString(line)
	}
	return faults.String(), nil
}
