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
	// Or is an alternative option, "" for none.
	Or string
	// When has the values of the option itself for which the link counts, separated by spaces; ""
	// for all.
	When string
	// Is has the values that the other option must have, separated by spaces; "" for any, or on for
	// a switch.
	Is string
	// Why is the text of the fault, "" for the usual one.
	Why string
}

// needs is the link to an option that must be set, or on.
func needs(option string) []Link { return []Link{{Option: option}} }

// excludes is the link to an option that must not be set, or on.
func excludes(option string) []Link { return []Link{{Option: option}} }

// Credential is the way in which an option authenticates the plugin.
type Credential uint8

// Of several such options, the first by this order, and by that of the table, is the one that the
// others contradict.
const (
	NoCredential Credential = iota
	// IsCredential: the option itself.
	IsCredential
	// AuthorizationHeader: if one of its headers is Authorization.
	AuthorizationHeader
	// UserInURL: if one of its URLs has a user.
	UserInURL
)

// judge checks a section against the columns of the table. An option that has a fault already has
// no value to compare.
type judge struct {
	*Config
	found  Faults
	faults Faults
}

// judged returns all contradictions between options.
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

// needs reports whether the needs of o are fulfilled. An option that is not set needs nothing.
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

// tls reports an option that has no effect without TLS.
func (j *judge) tls(o *Option) {
	switch {
	case !o.TLS || !j.isUsed(o) || j.speaksTLS() || j.found.about("Hosts"):
	case o.Kind == Switch:
		j.report(o, "is off, which works only with https:// in Hosts, which switches TLS on")
	default:
		j.report(o, "works only with https:// in Hosts, which is what switches TLS on")
	}
}

// compare compares o's value with those of other options.
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

// credentials reports each credential beside the first one.
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

// credentials are the credentials that are set.
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

// holds reports whether the other option of a link is set as the link demands.
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

// value is an option's value as a word, "" for other kinds than switches and texts.
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

// text is an option's value in the section, or its default. It is empty for a switch: one that
// contradicts another option is on.
func (c *Config) text(o *Option) string {
	if o.Kind == Switch {
		return ""
	}
	return cmp.Or(c.given[o.Name], o.Default)
}
