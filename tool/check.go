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
		Long: `check reads configurations of Fluent Bit, classic or YAML, with their included files. In sections of es_go it finds mistakes
that Fluent Bit accepts silently: misspelled and misplaced options, values that the plugin rejects at start, and the loss or duplication of records. docs/lint.md lists the rules.

It exits with 1 for errors; with --strict also for warnings. Notes never count.`,
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
	command.Flags().BoolVar(&strict, "strict", false, "exit with 1 for warnings, too")
	return command
}

func newMigrate(s streams) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "migrate FILE",
		Short: "Rewrite sections of the built-in outputs es and opensearch as sections of es_go",
		Long: `migrate writes FILE to standard output, with its sections of es and opensearch as sections of es_go. docs/migration.md lists
the replacement of each option. A comment with "# es_go:" marks each change. CHECK THIS marks a decision for a person, also
on standard error. Everything else stays as it is.

It exits with 1 if a decision is left. Read the result, then run "out-es check" on it.`,
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
			if err := writeFindings(command, s.err, migration.ToCheck, format); err != nil {
				return err
			}
			if len(migration.ToCheck) > 0 {
				return errFound
			}
			return nil
		},
	}
	addFormat(command, &format)
	return command
}

func addFormat(command *cobra.Command, format *string) {
	command.Flags().StringVar(format, "format", formats[0], "of findings: text, github (workflow commands) or json (an array of objects with file, line, severity, rule and message)")
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
