package plugin

import (
	"errors"
	"fmt"
	"os"

	"out_es/plugin/config"
	"out_es/plugin/deadletter"
	"out_es/plugin/template"
)

// readTemplate reads Template_File, if there is one.
func readTemplate(c *config.Config) (*template.Template, error) {
	if c.TemplateFile == "" {
		return nil, nil
	}
	read, err := template.Read(c.TemplateFile, c.TemplateName)
	if err != nil {
		return nil, config.Faults{c.FaultOf("Template_File", c.TemplateFile, err)}.Err()
	}
	return read, nil
}

// openLetters opens Dead_Letter_File, if there is one.
func openLetters(c *config.Config, path string) (*deadletter.File, error) {
	if path == "" {
		return nil, nil
	}
	file, err := deadletter.Open(path)
	if err != nil {
		return nil, unwritable(c, "Dead_Letter_File", path, err)
	}
	return file, nil
}

// unwritable reports that the file or folder that an option names can't be
// opened for writing.
func unwritable(c *config.Config, option, value string, err error) error {
	if problem, ok := errors.AsType[*os.PathError](err); ok {
		err = fmt.Errorf("can't be used: %w; Fluent Bit's user must be able to write there", problem)
	}
	return config.Faults{c.FaultOf(option, value, err)}.Err()
}
