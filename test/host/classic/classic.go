// Package classic is Fluent Bit's classic configuration format, as far as the test host runs it:
// lint/sections reads it, and here it becomes a service, inputs and outputs. Facts about tags come
// from Fluent Bit 5.1.1's src/flb_router.c and plugins/in_tail/tail_file.c.
package classic

import (
	"fmt"
	"os"

	"out_es/lint/sections"
)

// Section is one [SECTION]: its properties in their order, names in lower case, variables already
// replaced.
type Section struct {
	Name       string // as written, such as OUTPUT
	Properties [][2]string
}

// Get returns a property's last value, which counts for those that Fluent Bit keeps for itself
// (tag, match, workers …); "" if it is missing or empty. name is in lower case.
func (s Section) Get(name string) string {
	value := ""
	for _, kv := range s.Properties {
		if kv[0] == name {
			value = kv[1]
		}
	}
	return value
}

// Config is a configuration file with its includes.
type Config struct {
	Service         Section // all [SERVICE] sections as one
	Inputs, Outputs []Section
	Ignored         []string // names of other sections, each once
	Unset           []string // variables that are used but not set, each once
}

// Load reads a file. Errors name the file and the line and are those that keep Fluent Bit from
// starting, besides that groups such as [PROCESSORS] are refused here.
func Load(path string) (*Config, error) {
	read, err := sections.Read(path, os.LookupEnv)
	if err != nil {
		return nil, fmt.Errorf("classic: %w", err)
	}
	if len(read.Problems) > 0 {
		return nil, fmt.Errorf("classic: %s", read.Problems[0])
	}
	c := &Config{Service: Section{Name: "SERVICE"}}
	once := map[string]bool{}
	for i := range read.Sections {
		if err := c.add(&read.Sections[i], once); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// add adds a section. once remembers reported problems.
func (c *Config) add(read *sections.Section, once map[string]bool) error {
	if len(read.Groups) > 0 {
		return fmt.Errorf("classic: %s: [%s]: groups are not supported here", read.Position, read.Groups[0])
	}
	s := Section{Name: read.Name}
	for _, p := range read.Properties {
		s.Properties = append(s.Properties, [2]string{p.Name, p.Value})
		for _, name := range p.Unset {
			if !once["$"+name] {
				c.Unset = append(c.Unset, name)
			}
			once["$"+name] = true
		}
	}
	switch read.Kind {
	case "service":
		c.Service.Properties = append(c.Service.Properties, s.Properties...)
	case "input":
		c.Inputs = append(c.Inputs, s)
	case "output":
		c.Outputs = append(c.Outputs, s)
	default:
		if !once["["+s.Name] {
			c.Ignored = append(c.Ignored, s.Name)
		}
		once["["+s.Name] = true
	}
	return nil
}
