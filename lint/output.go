package lint

import (
	"slices"
	"strconv"
	"strings"

	"out_es/lint/migrate"
	"out_es/lint/sections"
	"out_es/plugin/config"
	"out_es/plugin/settings"
)

// output checks one section of es_go.
func (c *checker) output(s *sections.Section) {
	seen := map[string]bool{}
	for i := range s.Properties {
		p := &s.Properties[i]
		c.name(s, p)
		c.shape(p, seen)
		c.text(p)
		seen[p.Name] = true
	}
	c.faults(s)
	c.match(s)
	c.workers(s)
	c.retries(s)
	c.duplicates(s)
	if p := s.Last("storage.total_limit_size"); p != nil {
		c.report(p.Position, Warning, "data-loss", "%s: when more than %s waits, Fluent Bit drops the oldest chunks", p.Written, p.Raw)
	}
}

// optionOf finds an option of es_go by its name in lower case.
func optionOf(name string) (config.Option, bool) {
	for _, o := range config.Options() {
		if strings.ToLower(o.Name) == name {
			return o, true
		}
	}
	return config.Option{}, false
}

// isReserved reports whether Fluent Bit keeps an option of any output for itself, so that a Go
// plugin never reads it (flb_output_set_property).
func isReserved(name string) bool {
	switch name {
	case "host", "port", "ipv6", "tls":
		return true
	}
	return strings.HasPrefix(name, "tls.") || strings.HasPrefix(name, "net.") || strings.HasPrefix(name, "oauth2")
}

// isKnown reports whether an option of a section of es_go does something: it is the plugin's, or
// one of Fluent Bit's that it keeps to.
func isKnown(name string) bool {
	if _, ok := optionOf(name); ok || name == "name" {
		return true
	}
	rule, ok := migrate.RuleOf(migrate.Both, name)
	return ok && rule.Step == migrate.Keep && rule.To == ""
}

// name checks that an option has a reader. Fluent Bit passes every name on to a Go plugin, which
// can't list its own.
func (c *checker) name(s *sections.Section, p *sections.Property) {
	rule, known := migrate.RuleOf(migrate.Both, p.Name)
	switch {
	case isKnown(p.Name):
	case p.Name == "tls" && isOn(p.Value):
		c.report(p.Position, Error, "reserved-option", "%s: Fluent Bit keeps this option for itself, and does not start with it on in the section of a Go plugin; write https:// in Hosts", p.Written)
	case isReserved(p.Name):
		c.report(p.Position, Error, "reserved-option", "%s: Fluent Bit keeps this option for itself, it never reaches es_go; %s", p.Written, instead(rule, known))
	case known:
		c.report(p.Position, Error, "unknown-option", "%s is an option of the built-in outputs, not of es_go; %s", p.Written, instead(rule, known))
	default:
		advice := "docs/configuration.md has them all"
		if near := nearest(p.Name); near != "" {
			advice = "did you mean " + near + "?"
		}
		c.report(p.Position, Error, "unknown-option", "%s is no option of es_go: %s", p.Written, advice)
	}
}

// instead is the advice for an option of the built-in outputs.
func instead(rule migrate.Rule, known bool) string {
	switch {
	case !known:
		return "remove it"
	case rule.To != "":
		return "use " + rule.To
	case rule.Note != "":
		return "remove it: " + strings.ReplaceAll(strings.TrimSuffix(rule.Note, "."), "`", "")
	}
	return "remove it"
}

// shape finds values that reach the plugin cut short.
func (c *checker) shape(p *sections.Property, seen map[string]bool) {
	_, isOption := optionOf(p.Name)
	switch {
	case p.Shape == sections.Map:
		c.report(p.Position, Error, "ignored-value", "%s is a map: Fluent Bit does not start with one in an output's section", p.Written)
	case p.Shape == sections.List && isOption && len(p.Values) > 1:
		c.report(p.Position, Error, "ignored-value", "%s is a list, of which only the first value reaches the plugin; write one string: %s", p.Written, joined(p))
	case p.Shape == sections.List && !isOption && len(p.Values) > 1:
		c.report(p.Position, Warning, "ignored-value", "%s is a list, of which Fluent Bit takes the last value only", p.Written)
	case seen[p.Name] && isOption:
		c.report(p.Position, Error, "ignored-value", "%s is given twice, and only the first one reaches the plugin; write one line", p.Written)
	case seen[p.Name]:
		c.report(p.Position, Warning, "ignored-value", "%s is given twice, and Fluent Bit takes the last one", p.Written)
	}
}

// joined is a list as one string, unless it is secret.
func joined(p *sections.Property) string {
	if o, _ := optionOf(p.Name); o.Kind == config.Secret || strings.Contains(strings.Join(p.Values, ""), "@") {
		return "its values, separated by commas"
	}
	return strings.Join(p.Values, ",")
}

// text finds comments and quotes that became part of a value. In a secret they may be meant.
func (c *checker) text(p *sections.Property) {
	if sections.IsYAML(p.File) {
		return
	}
	severity := Error
	if o, _ := optionOf(p.Name); o.Kind == config.Secret {
		severity = Warning
	}
	if strings.Contains(p.Raw, " #") || strings.Contains(p.Raw, "\t#") {
		c.report(p.Position, severity, "comment", "%s: the classic format has comments on lines of their own only; \"# …\" is part of this value", p.Written)
	}
	for _, quote := range []string{`"`, "'"} {
		if len(p.Raw) > 1 && strings.HasPrefix(p.Raw, quote) && strings.HasSuffix(p.Raw, quote) {
			c.report(p.Position, severity, "quotes", "%s: the classic format keeps quotes as part of the value; remove them", p.Written)
		}
	}
}

// faults reports the plugin's own objections to the section.
func (c *checker) faults(s *sections.Section) {
	for _, fault := range faultsOf(s) {
		if c.mentioned(s, fault.Option) {
			continue
		}
		at := s.Position
		if all := s.All(strings.ToLower(fault.Option)); len(all) > 0 {
			at = all[0].Position
		}
		c.report(at, Error, "invalid-value", "%s", fault)
	}
	for i := range s.Properties {
		if p := &s.Properties[i]; len(p.Unset) > 0 {
			c.report(p.Position, Note, "unset-variable", "%s: ${%s} is not set here, so this is not checked; Fluent Bit reads an unset variable as nothing", p.Written, p.Unset[0])
		}
	}
}

// faultsOf returns the plugin's faults of a section. Options with variables that are not set here
// are not judged, nor are others by them.
func faultsOf(s *sections.Section) config.Faults {
	unset := map[string]bool{}
	for i := range s.Properties {
		if o, ok := optionOf(s.Properties[i].Name); ok && len(s.Properties[i].Unset) > 0 {
			unset[o.Name] = true
		}
	}
	faults := settings.Check(func(name string) string {
		all := s.All(strings.ToLower(name))
		switch {
		case len(all) == 0 || unset[name] && name != "Hosts":
			return ""
		case unset[name]:
			return "http://localhost"
		}
		return all[0].Value
	})
	return slices.DeleteFunc(faults, func(fault config.Fault) bool {
		return unset[fault.Option] || mentions(fault.Advice, unset)
	})
}

// mentioned reports whether an option's first line has an error already: the plugin's own words
// would be about the same.
func (c *checker) mentioned(s *sections.Section, option string) bool {
	all := s.All(strings.ToLower(option))
	for _, f := range c.findings {
		if len(all) > 0 && f.File == all[0].File && f.Line == all[0].Line && (f.Rule == "comment" || f.Rule == "quotes") {
			return true
		}
	}
	return false
}

func mentions(advice string, options map[string]bool) bool {
	for name := range options {
		if strings.Contains(advice, name) {
			return true
		}
	}
	return false
}

// match says where nothing would arrive. One input and one output alone are connected without a
// Match (flb_router_io_set).
func (c *checker) match(s *sections.Section) {
	if s.Last("match") != nil || s.Last("match_regex") != nil || len(c.configuration.Of("input")) == 1 && len(c.configuration.Of("output")) == 1 {
		return
	}
	c.report(s.Position, Error, "match", "the section has neither Match nor Match_Regex: Fluent Bit sends it nothing")
}

// workers are not needed where a flush ends in the spool, and don't survive a hot reload.
func (c *checker) workers(s *sections.Section) {
	p := s.Last("workers")
	switch {
	case c.reloads() && p != nil && len(p.Unset) == 0 && leadingNumber(p.Value) > 0:
		// For a Go output flb_output_enable_multi_threading is called twice, by
		// flb_plugin_proxy_output_init and by its caller: the first threads survive the reload.
		c.report(p.Position, Warning, "hot-reload", "%s %s and Hot_Reload: Fluent Bit starts the threads of a Go output twice, and ends only one half of them; after a reload "+
			"the others crash it. Restart the agent instead, or set Spool_Path without Workers", p.Written, p.Value)
	case s.Last("spool_path") != nil:
	case p == nil:
		c.report(s.Position, Warning, "workers", "Workers is missing: while a request is under way, all inputs and outputs of this Fluent Bit wait; write Workers 1")
	case len(p.Unset) == 0 && leadingNumber(p.Value) < 1:
		c.report(p.Position, Warning, "workers", "%s %s means none: while a request is under way, all inputs and outputs of this Fluent Bit wait; write 1", p.Written, p.Value)
	}
}

// retries reads Retry_Limit as flb_output_set_property does.
func (c *checker) retries(s *sections.Section) {
	const cure = "; write Retry_Limit no_limits"
	p := s.Last("retry_limit")
	if p == nil {
		c.report(s.Position, Warning, "data-loss", "Retry_Limit is missing: Fluent Bit drops a chunk after one retry, so an outage of a few seconds loses records"+cure)
		return
	}
	if len(p.Unset) > 0 {
		return
	}
	switch strings.ToLower(p.Value) {
	case "no_limits", "false", "off":
		return
	case "no_retries":
		c.report(p.Position, Warning, "data-loss", "%s no_retries: Fluent Bit drops every chunk that can't be delivered at once"+cure, p.Written)
		return
	}
	if n := leadingNumber(p.Value); n > 0 {
		c.report(p.Position, Warning, "data-loss", "%s %d: Fluent Bit drops a chunk after so many retries"+cure, p.Written, n)
	} else {
		c.report(p.Position, Error, "data-loss", "%s %q is no limit that Fluent Bit knows: it takes 1, and drops a chunk after one retry"+cure, p.Written, p.Value)
	}
}

func (c *checker) duplicates(s *sections.Section) {
	generate, key := s.All("generate_id"), s.All("id_key")
	switch {
	case len(key) > 0:
	case len(generate) == 0:
		c.report(s.Position, Warning, "duplicates", "neither Generate_ID nor Id_Key: the retry of a cut request makes duplicates; write Generate_ID on")
	case len(generate[0].Unset) == 0 && !isOn(generate[0].Value):
		c.report(generate[0].Position, Warning, "duplicates", "without ids the retry of a cut request makes duplicates; write Generate_ID on")
	}
}

// leadingNumber is C's atoi, which Fluent Bit reads numbers with.
func leadingNumber(text string) int {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(text[:end])
	return n
}
