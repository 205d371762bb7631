// Command out_es-lint checks configurations of Fluent Bit for what Fluent Bit itself can't tell about sections of es_go, and
// rewrites sections of its built-in outputs es and opensearch into such. docs/lint.md explains it.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"out_es/lint"
)

// What the command ends with.
const (
	clean    = 0 // no errors; with -strict no warnings either
	findings = 1
	broken   = 2 // it could not be run as asked
)

const usage = `usage: out_es-lint [-strict] [-format text|json|github] FILE...
       out_es-lint -migrate FILE > NEWFILE

It checks the sections of es_go in configurations of Fluent Bit, classic or YAML (.yaml, .yml), with all that they include.
-migrate writes FILE with its sections of es and opensearch as sections of es_go.

It ends with 0 where all is well, 1 where there are errors (with -strict: or warnings; with -migrate: something left to
decide), 2 where a file can't be read or the command is wrong.

`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("out_es-lint", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	format := flags.String("format", string(lint.Text), "text, json, or github for workflow commands")
	strict := flags.Bool("strict", false, "end with 1 on warnings, too")
	migrate := flags.Bool("migrate", false, "rewrite sections of es and opensearch into sections of es_go, on standard output")
	if err := flags.Parse(arguments); err != nil {
		if err == flag.ErrHelp {
			return clean
		}
		return broken
	}
	if flags.NArg() == 0 || *migrate && flags.NArg() != 1 {
		flags.Usage()
		return broken
	}
	if *migrate {
		return rewrite(flags.Arg(0), lint.Format(*format), stdout, stderr)
	}
	return check(flags.Args(), lint.Format(*format), *strict, stdout, stderr)
}

func check(paths []string, format lint.Format, strict bool, stdout, stderr io.Writer) int {
	all := &lint.Report{}
	for _, path := range paths {
		report, err := lint.File(path)
		if err != nil {
			fmt.Fprintln(stderr, "out_es-lint:", err)
			return broken
		}
		if report.Sections == 0 && !report.Has(lint.Error) { // else it may not have come to them
			fmt.Fprintf(stderr, "out_es-lint: %s: no section of es_go in it\n", path)
		}
		all.Findings = append(all.Findings, report.Findings...)
	}
	if err := lint.Write(stdout, all.Findings, format); err != nil {
		fmt.Fprintln(stderr, "out_es-lint:", err)
		return broken
	}
	if all.Has(lint.Error) || strict && all.Has(lint.Warning) {
		return findings
	}
	return clean
}

func rewrite(path string, format lint.Format, stdout, stderr io.Writer) int {
	migration, err := lint.Migrate(path)
	if err != nil {
		fmt.Fprintln(stderr, "out_es-lint:", err)
		return broken
	}
	fmt.Fprint(stdout, migration.Text)
	if migration.Sections == 0 {
		fmt.Fprintf(stderr, "out_es-lint: %s: no section of es or opensearch in it\n", path)
	}
	if err := lint.Write(stderr, migration.LookAt, format); err != nil {
		fmt.Fprintln(stderr, "out_es-lint:", err)
		return broken
	}
	if len(migration.LookAt) > 0 {
		return findings
	}
	return clean
}
