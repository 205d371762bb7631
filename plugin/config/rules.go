package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"
)

// Link is another option that an option depends on.
type Link struct {
	Option string
	// Or is an option that does as well, "" for none.
	Or string
	// When are the values of the option itself for which the link counts,
	// separated by spaces; "" for all.
	When string
	// Is are the values that the other option must have, separated by spaces; ""
	// for any, of a switch that it is on.
	Is string
	// Why is what a fault says, "" for the usual.
	Why string
}

// needs is the link to an option that must be there, or on.
func needs(option string) []Link { return []Link{{Option: option}} }

// excludes is the link to an option that must not be there, nor be on.
func excludes(option string) []Link { return []Link{{Option: option}} }

// Credential says how an option tells Elasticsearch who asks.
type Credential uint8

// The ways. Where several options do, the first by this order, and by that of
// the table, is the one that the others contradict.
const (
	NoCredential Credential = iota
	// IsCredential: by itself.
	IsCredential
	// AuthorizationHeader: where one of its headers is Authorization.
	AuthorizationHeader
	// UserInURL: where one of its URLs has a user.
	UserInURL
)

// judge checks a section against the columns of the table. An option with a
// fault of its own, among those found before, has no value to judge it or
// others by.
type judge struct {
	*Config
	found  Faults
	faults Faults
}

// judged returns all that is wrong with options in relation to each other.
func (c *Config) judged(found Faults) Faults {
	j := &judge{Config: c, found: found}
	for i := range table {
		o := &table[i]
		if found.about(o.Name) {
			continue
		}
		if o.Check != nil {
			if err := o.Check(c); err != nil {
				j.report(o, err.Error())
			}
		}
		needed := j.needs(o)
		j.excludes(o)
		j.tls(o)
		if needed {
			j.compare(o)
		}
	}
	j.credentials()
	return j.faults
}

// report adds a fault of o.
func (j *judge) report(o *Option, advice string) {
	j.faults = append(j.faults, j.FaultOf(o.Name, j.text(o), errors.New(advice)))
}

// needs reports whether o has all that it needs. What a section doesn't say
// needs nothing.
func (j *judge) needs(o *Option) bool {
	fulfilled := true
	for _, link := range o.Needs {
		if !j.applies(o, link) || j.holds(link) {
			continue
		}
		fulfilled = false
		if !j.IsSet(o.Name) || j.found.about(link.Option) || j.found.about(link.Or) {
			continue
		}
		switch {
		case link.Why != "":
			j.report(o, link.Why)
		case optionOf(link.Option).Kind == Switch:
			j.report(o, "works only with \""+link.Option+" on\"")
		default:
			j.report(o, "works only with "+link.Option+" ("+unsetVariable+")")
		}
	}
	return fulfilled
}

func (j *judge) excludes(o *Option) {
	for _, link := range o.Excludes {
		switch {
		case !j.isUsed(o) || !j.applies(o, link) || !j.holds(link) || j.found.about(link.Option):
		case link.Why != "":
			j.report(o, link.Why)
		default:
			j.report(o, "contradicts "+link.Option+": remove one of them")
		}
	}
}

// tls reports an option that does nothing without TLS.
func (j *judge) tls(o *Option) {
	switch {
	case !o.TLS || !j.isUsed(o) || j.speaksTLS() || j.found.about("Hosts"):
	case o.Kind == Switch:
		j.report(o, "is off, which works only with https:// in Hosts: that is what switches TLS on")
	default:
		j.report(o, "works only with https:// in Hosts, which is what switches TLS on")
	}
}

// compare holds o's value to those of other options.
func (j *judge) compare(o *Option) {
	for _, name := range o.Differs {
		if *o.field(j.Config).(*string) == *optionOf(name).field(j.Config).(*string) && !j.found.about(name) {
			j.report(o, "must differ from "+name)
		}
	}
	if o.AtMost == "" || j.found.about(o.AtMost) {
		return
	}
	if *o.field(j.Config).(*time.Duration) > *optionOf(o.AtMost).field(j.Config).(*time.Duration) {
		j.report(o, "must not be longer than "+o.AtMost)
	}
}

// credentials reports each that is given beside the first one.
func (j *judge) credentials() {
	given := j.Config.credentials()
	for i := 1; i < len(given); i++ {
		first, o := given[0], given[i]
		if j.found.about(first.Name) || j.found.about(o.Name) {
			continue
		}
		switch o.Credential {
		case UserInURL:
			j.report(o, "has a user in a URL, which contradicts "+first.Name+": remove one of them")
		case AuthorizationHeader:
			j.report(o, "has an Authorization, which contradicts "+first.Name+": remove one of them")
		default:
			j.report(o, "contradicts "+first.Name+": remove one of them")
		}
	}
}

// credentials are the options that tell who asks, of those that are given.
func (c *Config) credentials() []*Option {
	var given []*Option
	for i := range table {
		o := &table[i]
		switch o.Credential {
		case NoCredential:
			continue
		case IsCredential:
			if !c.isUsed(o) {
				continue
			}
		case AuthorizationHeader:
			if c.Headers.Get("Authorization") == "" {
				continue
			}
		case UserInURL:
			if c.hostUsers() == 0 {
				continue
			}
		}
		given = append(given, o)
	}
	slices.SortStableFunc(given, func(a, b *Option) int { return cmp.Compare(a.Credential, b.Credential) })
	return given
}

// isUsed reports whether the section gives an option a value; of a switch, one
// that is not its default.
func (c *Config) isUsed(o *Option) bool {
	if o.Kind == Switch {
		return *o.field(c).(*bool) != (o.Default == "on")
	}
	return c.IsSet(o.Name)
}

// applies reports whether a link of o counts, given o's value.
func (c *Config) applies(o *Option, l Link) bool {
	return l.When == "" || slices.Contains(strings.Fields(l.When), c.value(o))
}

// holds reports whether what a link leads to is there.
func (c *Config) holds(l Link) bool {
	o := optionOf(l.Option)
	switch {
	case l.Or != "" && c.holds(Link{Option: l.Or}):
		return true
	case l.Is != "":
		return slices.Contains(strings.Fields(l.Is), c.value(o))
	case o.Kind == Switch:
		return c.value(o) == "on"
	}
	return c.IsSet(o.Name)
}

// value is an option's value as a word, "" where it is neither a switch nor a
// text.
func (c *Config) value(o *Option) string {
	switch field := o.field(c).(type) {
	case *bool:
		if *field {
			return "on"
		}
		return "off"
	case *string:
		return *field
	}
	return ""
}

// text is what the section says of an option, or its default. Of a switch it
// is nothing: one that contradicts another option is on.
func (c *Config) text(o *Option) string {
	if o.Kind == Switch {
		return ""
	}
	return cmp.Or(c.given[o.Name], o.Default)
}
