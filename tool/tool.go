// Package tool is the command line of out-es. Its commands are built on the plugin's own packages,
// so that they act as the plugin does.
//
// Records and findings go to standard output, everything else to standard error.
package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Version is set by the linker.
var Version = "0.1.0"

// Exit codes, the same for all commands.
const (
	exitOK     = 0 // nothing to look at
	exitFound  = 1 // findings: something to fix, decide, or run again
	exitBroken = 2 // the command could not be run as asked
)

// linterName is the name that the linter had before it became a part of out-es. A symlink of that
// name still works as it did.
const linterName = "out_es-lint"

// errFound makes a command end with exitFound. The findings have been written.
var errFound = errors.New("something was found")

// streams are the standard streams of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Main runs the command line and returns the exit code. The first of words is the program's name.
func Main(words []string, in io.Reader, out, err io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, words, streams{in, out, err})
}

func run(ctx context.Context, words []string, s streams) int {
	arguments := words[1:]
	if filepath.Base(words[0]) == linterName {
		arguments = ofLinter(arguments)
	}
	root := newRoot(s)
	root.SetArgs(arguments)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	command, problem := root.ExecuteContextC(ctx)
	switch {
	case problem == nil:
		return exitOK
	case errors.Is(problem, errFound):
		return exitFound
	}
	fmt.Fprintf(s.err, "out-es: %v\n", problem)
	if _, usage := errors.AsType[*usageError](problem); usage || isUsage(problem) {
		fmt.Fprintf(s.err, "Run \"%s --help\" for usage and examples.\n", command.CommandPath())
	}
	return exitBroken
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func misused(format string, values ...any) error {
	return &usageError{fmt.Errorf(format, values...)}
}

// isUsage reports whether err is a usage error that cobra itself made: those have no type.
func isUsage(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "unknown ") || strings.Contains(text, " arg(s)") || strings.Contains(text, "required flag") || strings.Contains(text, "none of the others can be")
}

// ofLinter turns the linter's old command line into that of out-es.
func ofLinter(words []string) []string {
	command := "check"
	var rest []string
	for _, word := range words {
		switch name := strings.TrimLeft(word, "-"); {
		case strings.HasPrefix(word, "-") && name == "migrate":
			command = "migrate"
		case strings.HasPrefix(word, "-") && len(word) > 2:
			rest = append(rest, "--"+name)
		default:
			rest = append(rest, word)
		}
	}
	return append([]string{command}, rest...)
}

// newRoot returns the command out-es with all of its commands.
func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "out-es",
		Short: "Check, preview, replay: the operator's tool of the Fluent Bit output es_go",
		Long: `out-es works with configurations, records, dead-letter records and spools of es_go, the Fluent Bit output for Elasticsearch.
It uses the plugin's own packages, so its results are those of the plugin.

Records and findings go to standard output, everything else to standard error.

Exit codes:
  0  success
  1  a finding: an error in a configuration, damage, a record that was rejected or is left
  2  the command could not run as asked`,
		Version:           Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.PersistentFlags().String(colorFlag, colorAuto, "colours: auto (on a terminal without NO_COLOR), always, never")
	_ = root.RegisterFlagCompletionFunc(colorFlag, cobra.FixedCompletions([]string{colorAuto, colorAlways, colorNever}, cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	for _, add := range []func(streams) *cobra.Command{newCheck, newMigrate, newPreview, newReplay, newSpool} {
		root.AddCommand(add(s))
	}
	return root
}
