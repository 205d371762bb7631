package tool

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"out_es/lint"
)

// formats are those of findings.
var formats = []string{string(lint.Text), string(lint.GitHub), string(lint.JSON)}

func newCheck(s streams) *cobra.Command {
	var format string
	var strict bool
	command := &cobra.Command{
		Use:   "check FILE...",
		Short: "Find mistakes in configurations of Fluent Bit that have sections of es_go",
		Long: `check reads configurations of Fluent Bit, in the classic format and in YAML, with all that they include. It reports what
Fluent Bit itself can't tell about sections of es_go: misspelled and misplaced options, values that the plugin refuses at
start, and settings that lose or duplicate records. docs/lint.md lists the rules.

It ends with 1 where there are errors; with --strict also where there are warnings. Notes never count.`,
		Example: `  out-es check /etc/fluent-bit/fluent-bit.conf
  out-es check --strict --format github fluent-bit.yaml`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: configurationFiles,
		RunE: func(command *cobra.Command, files []string) error {
			all := &lint.Report{}
			for _, file := range files {
				report, err := lint.File(file)
				if err != nil {
					return err
				}
				if report.Sections == 0 && !report.Has(lint.Error) { // else it may not have come to them
					fmt.Fprintf(s.err, "out-es: %s: no section of es_go in it\n", file)
				}
				all.Findings = append(all.Findings, report.Findings...)
			}
			if err := writeFindings(command, s.out, all.Findings, format); err != nil {
				return err
			}
			if all.Has(lint.Error) || strict && all.Has(lint.Warning) {
				return errFound
			}
			return nil
		},
	}
	addFormat(command, &format)
	command.Flags().BoolVar(&strict, "strict", false, "end with 1 on warnings, too")
	return command
}

func newMigrate(s streams) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "migrate FILE",
		Short: "Rewrite sections of the built-in outputs es and opensearch as sections of es_go",
		Long: `migrate writes FILE to standard output, with its sections of es and opensearch as sections of es_go. docs/migration.md has
what becomes of every option. What changed has a comment that begins with "# es_go:"; what a person must decide says LOOK AT
THIS and is listed on standard error. Comments, indentation, other sections and included files stay as they are.

It ends with 1 where something is left to decide. Read the result, then run "out-es check" on it.`,
		Example:           `  out-es migrate fluent-bit.conf > new.conf`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configurationFiles,
		RunE: func(command *cobra.Command, files []string) error {
			migration, err := lint.Migrate(files[0])
			if err != nil {
				return err
			}
			if _, err := io.WriteString(s.out, migration.Text); err != nil {
				return err
			}
			if migration.Sections == 0 {
				fmt.Fprintf(s.err, "out-es: %s: no section of es or opensearch in it\n", files[0])
			}
			if err := writeFindings(command, s.err, migration.LookAt, format); err != nil {
				return err
			}
			if len(migration.LookAt) > 0 {
				return errFound
			}
			return nil
		},
	}
	addFormat(command, &format)
	return command
}

func addFormat(command *cobra.Command, format *string) {
	command.Flags().StringVar(format, "format", formats[0], "of findings: text, github (workflow commands, shown beside the lines) or json (an array of objects)")
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// configurationFiles completes names of configurations.
func configurationFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"conf", "yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// writeFindings writes findings, those of the text format in colours.
//
// Possible errors: those of out; an unknown format.
func writeFindings(command *cobra.Command, out io.Writer, findings []lint.Finding, format string) error {
	colors, err := paletteOf(command, out)
	if err != nil {
		return err
	}
	if format != string(lint.Text) {
		if err := lint.Write(out, findings, lint.Format(format)); err != nil {
			return &usageError{err}
		}
		return nil
	}
	for _, f := range findings {
		severity := string(f.Severity)
		switch f.Severity {
		case lint.Error:
			severity = colors.red(severity)
		case lint.Warning:
			severity = colors.yellow(severity)
		case lint.Note:
			severity = colors.faint(severity)
		}
		line := strings.Replace(f.String(), ": "+string(f.Severity)+": ", ": "+severity+": ", 1)
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
