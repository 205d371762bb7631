package lint

import (
	"slices"
	"strings"

	"out_es/lint/sections"
)

// service checks the settings of the service section that prevent loss.
func (c *checker) service() {
	if p := c.setting("daemon"); p != nil && isOn(firstWord(p.Value)) {
		c.report(p.Position, Error, "daemon", "%s on: Fluent Bit forks after it has loaded the plugin, and a Go program does not survive that; let systemd or a container keep it in the background", p.Written)
	}
	if p := c.setting("storage.checksum"); p != nil && isOn(firstWord(p.Value)) {
		c.report(p.Position, Warning, "data-loss", "%s on: what was written since the last sync fails the check after a kill, and the chunk is never sent; switch it off", p.Written)
	}
	for _, s := range c.configuration.Of("service") {
		for i := range s.Properties {
			c.text(&s.Properties[i])
		}
	}
	if c.setting("storage.path") == nil {
		c.report(c.serviceAt(), Warning, "data-loss", "storage.path is missing in the service section: waiting chunks are in memory only, and lost when Fluent Bit stops in an outage; set it, and storage.type filesystem in the inputs")
	}
}

// reloads reports whether SIGHUP reloads the configuration.
func (c *checker) reloads() bool {
	p := c.setting("hot_reload")
	return p != nil && isOn(firstWord(p.Value))
}

// setting finds the last value of an option of the service sections.
func (c *checker) setting(name string) *sections.Property {
	for _, s := range slices.Backward(c.configuration.Of("service")) {
		if p := s.Last(name); p != nil {
			return p
		}
	}
	return nil
}

// serviceAt is where the service section is, or would be.
func (c *checker) serviceAt() sections.Position {
	if all := c.configuration.Of("service"); len(all) > 0 {
		return all[0].Position
	}
	return sections.Position{File: c.configuration.Path, Line: 1}
}

// inputs checks the storage of inputs.
func (c *checker) inputs() {
	inherit := c.setting("storage.inherit")
	everywhere := c.setting("storage.type")
	filesystem := inherit != nil && isOn(inherit.Value) && everywhere != nil && everywhere.Value == "filesystem"
	for _, s := range c.configuration.Of("input") {
		for i := range s.Properties {
			c.text(&s.Properties[i])
		}
		if !c.reaches(s) {
			continue
		}
		name := strings.ToLower(s.Get("name"))
		kind := s.Last("storage.type")
		if kind == nil && !filesystem && c.setting("storage.path") != nil {
			c.report(s.Position, Warning, "data-loss", "the input %s has no storage.type filesystem: waiting chunks are in memory only, and lost when Fluent Bit stops in an outage", name)
		}
		if kind != nil && len(kind.Unset) == 0 && kind.Value != "filesystem" {
			c.report(kind.Position, Warning, "data-loss", "%s %s: waiting chunks are in memory only, and lost when Fluent Bit stops in an outage; write filesystem", kind.Written, kind.Value)
		}
		if name == "tail" {
			c.tail(s)
		}
	}
}

// reaches reports whether an input's events may come to a section of es_go. A tag that is not known
// before Fluent Bit runs may match.
func (c *checker) reaches(input *sections.Section) bool {
	tag := input.Last("tag")
	if tag == nil || strings.ContainsAny(tag.Value, "*<$") || len(tag.Unset) > 0 {
		return true
	}
	return slices.ContainsFunc(c.outputs, func(output *sections.Section) bool {
		match := output.Last("match")
		return match == nil || len(match.Unset) > 0 || sections.Match(match.Value, tag.Value)
	})
}

func (c *checker) tail(s *sections.Section) {
	if s.Last("db") == nil {
		c.report(s.Position, Warning, "data-loss", "the input tail has no DB: after a restart it skips what was written meanwhile, or reads everything again")
	}
	if p := s.Last("storage.pause_on_chunks_overlimit"); p != nil && isOn(p.Value) {
		c.report(p.Position, Warning, "data-loss", "%s on: reading stops in an outage, and files that are rotated away meanwhile are lost", p.Written)
	}
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}
