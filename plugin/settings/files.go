package settings

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"out_es/plugin/config"
	"out_es/plugin/deadletter"
	"out_es/plugin/drain"
	"out_es/plugin/spool"
	"out_es/plugin/template"
)

// ReadTemplate reads Template_File. It returns nil if the option is not set.
//
// Possible errors: a fault of Template_File.
func (s *Settings) ReadTemplate() (*template.Template, error) {
	c := s.config
	if c.TemplateFile == "" {
		return nil, nil
	}
	read, err := template.Read(c.TemplateFile, c.TemplateName)
	if err != nil {
		return nil, config.Faults{c.FaultOf("Template_File", c.TemplateFile, err)}.Err()
	}
	return read, nil
}

// OpenDeadLetters opens Dead_Letter_File. It returns nil if the option is not set.
//
// Possible errors: a fault of Dead_Letter_File.
func (s *Settings) OpenDeadLetters() (*deadletter.File, error) {
	path := s.config.DeadLetterFile
	if path == "" {
		return nil, nil
	}
	file, err := deadletter.Open(path)
	if err != nil {
		return nil, s.unwritable("Dead_Letter_File", path, err)
	}
	return file, nil
}

// OpenSpool opens the spool of an instance and starts its sender. It returns nil if Spool_Path is
// not set.
//
// Possible errors: a fault of Spool_Path.
func (s *Settings) OpenSpool(instance string, uses drain.Dependencies) (*drain.Drain, error) {
	c := s.config
	if c.SpoolPath == "" {
		return nil, nil
	}
	o := drain.Options{
		Dir:   filepath.Join(c.SpoolPath, url.PathEscape(instance)),
		Limit: int64(c.SpoolLimit), HeldShare: c.SpoolHeldShare, Linger: c.SpoolLinger, Policy: s.Delivery,
	}
	if c.SpoolSync {
		o.Sync = spool.SyncAlways
	}
	opened, err := drain.Open(o, uses)
	if err != nil {
		return nil, s.unwritable("Spool_Path", c.SpoolPath, err)
	}
	return opened, nil
}

// MemoryFault is a fault of Memory_Limit.
func (s *Settings) MemoryFault(err error) error {
	return config.Faults{s.config.FaultOf("Memory_Limit", strconv.Itoa(s.MemoryLimit), err)}.Err()
}

// unwritable reports that the file or folder that an option names can't be
// opened for writing.
func (s *Settings) unwritable(option, value string, err error) error {
	if problem, ok := errors.AsType[*os.PathError](err); ok {
		err = fmt.Errorf("can't be used: %w; Fluent Bit's user must be able to write there", problem)
	}
	return config.Faults{s.config.FaultOf(option, value, err)}.Err()
}
