package tool

import (
	"io"
	"os"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// colorFlag is the flag of all commands that says when to use colours, and its values.
const (
	colorFlag   = "color"
	colorAuto   = "auto"
	colorAlways = "always"
	colorNever  = "never"
)

// palette colours words for one stream.
type palette struct{ on bool }

// paletteOf returns the colours of a stream.
//
// Possible errors: the flag has an unknown value.
func paletteOf(command *cobra.Command, stream io.Writer) (palette, error) {
	switch when, _ := command.Flags().GetString(colorFlag); when {
	case colorAlways:
		return palette{true}, nil
	case colorNever:
		return palette{}, nil
	case colorAuto:
		return palette{os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(stream)}, nil
	default:
		return palette{}, misused("--%s %q: must be %s, %s or %s", colorFlag, when, colorAuto, colorAlways, colorNever)
	}
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func (p palette) paint(text string, attributes ...color.Attribute) string {
	if !p.on {
		return text
	}
	c := color.New(attributes...)
	c.EnableColor()
	return c.Sprint(text)
}

func (p palette) red(text string) string    { return p.paint(text, color.FgRed, color.Bold) }
func (p palette) yellow(text string) string { return p.paint(text, color.FgYellow) }
func (p palette) bold(text string) string   { return p.paint(text, color.Bold) }
func (p palette) faint(text string) string  { return p.paint(text, color.Faint) }
