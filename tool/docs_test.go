package tool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"out_es/test/support"
)

// TestReferenceIsOfTheCommands holds docs/out-es.md and the man pages to the commands. With -update
// it writes them.
func TestReferenceIsOfTheCommands(t *testing.T) {
	support.CompareGolden(t, "../docs/out-es.md", reference(newRoot(streams{})), *update)
	pages := t.TempDir()
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // of the last change of the commands
	header := &doc.GenManHeader{Title: "OUT-ES", Section: "1", Source: "out_es " + Version, Manual: "out_es", Date: &month}
	root := newRoot(streams{})
	for _, command := range append(root.Commands(), root) {
		command.Long = listed(command.Long) // the pages are made from Markdown
	}
	if err := doc.GenManTree(root, header, pages); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadDir(pages)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range made {
		text, err := os.ReadFile(filepath.Join(pages, page.Name()))
		if err != nil {
			t.Fatal(err)
		}
		support.CompareGolden(t, "../docs/man/"+page.Name(), string(text), *update)
	}
	kept, err := filepath.Glob("../docs/man/*")
	if err != nil || len(kept) != len(made) {
		t.Errorf("docs/man has %d pages, the commands make %d: %v", len(kept), len(made), err)
	}
}

// TestEveryCommandHasAnExample: --help shows one, and explains each flag.
func TestEveryCommandHasAnExample(t *testing.T) {
	for _, command := range newRoot(streams{}).Commands() {
		if !strings.Contains(command.Example, "out-es "+command.Name()) {
			t.Errorf("%s has no example of itself", command.Name())
		}
		command.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s is not explained", command.Name(), f.Name)
			}
		})
	}
}

// reference is docs/out-es.md.
func reference(root *cobra.Command) string {
	var page strings.Builder
	page.WriteString("# out-es\n\n<!-- Written by \"make generate\" from the commands in tool/. -->\n\n")
	introduction, codes, _ := strings.Cut(root.Long, "Exit codes:\n")
	page.WriteString(introduction)
	page.WriteString("Archives, packages and images contain it; `make out-es` builds it. Packages also have man pages and completions for bash, zsh\nand fish; `out-es completion SHELL` writes those.\n\n| exit code | |\n| --- | --- |\n")
	for line := range strings.Lines(codes) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		fmt.Fprintf(&page, "| %s | %s |\n", code, meaning)
	}
	page.WriteString("\n| command | |\n| --- | --- |\n")
	for _, command := range root.Commands() {
		fmt.Fprintf(&page, "| [%s](#%s) | %s |\n", command.Name(), command.Name(), command.Short)
	}
	page.WriteString("\nFlags of all commands:\n\n")
	flagTable(&page, root.PersistentFlags(), func(string) bool { return true })
	preview, _, _ := root.Find([]string{"preview"})
	page.WriteString("\nFlags of preview, replay and spool:\n\n")
	flagTable(&page, preview.LocalNonPersistentFlags(), isOfSection)
	for _, command := range root.Commands() {
		fmt.Fprintf(&page, "\n## %s\n\n```\n%s\n```\n\n%s\n\n", command.Name(), strings.TrimSuffix(command.UseLine(), " [flags]"), listed(command.Long))
		flagTable(&page, command.LocalNonPersistentFlags(), func(name string) bool { return !isOfSection(name) })
		page.WriteString("\n```console\n")
		for line := range strings.Lines(command.Example) {
			page.WriteString("$ " + strings.TrimLeft(line, " "))
		}
		page.WriteString("\n```\n")
	}
	return page.String()
}

var (
	listItem    = regexp.MustCompile(`(?m)^  (\S+(?: \S+)*?)  +`)
	listGoesOn  = regexp.MustCompile(`(?m)^ {6,}`)
	listHeading = regexp.MustCompile(`(?m):\n- `)
)

// listed returns a help text whose aligned rows, each a term and its meaning, are a Markdown list.
func listed(text string) string {
	text = listItem.ReplaceAllString(text, "- **$1**: ")
	return listHeading.ReplaceAllString(listGoesOn.ReplaceAllString(text, "  "), ":\n\n- ")
}

// isOfSection reports whether a flag selects the section of es_go, for several commands.
func isOfSection(name string) bool { return slices.Contains([]string{"config", "output", "set"}, name) }

func flagTable(out io.Writer, flags *pflag.FlagSet, shown func(name string) bool) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprint(out, "| flag | |\n| --- | --- |\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if !shown(f.Name) {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind != "" {
			name += " " + kind
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(out, "| `%s` | %s |\n", name, strings.ReplaceAll(usage, "|", "\\|"))
	})
}
