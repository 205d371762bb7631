// Package config holds the one table of es_go's options: it is the source of
// parsing, bounds, the start-up line and docs/configuration.md.
package config

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is one [OUTPUT] section, read and checked.
type Config struct {
	Hosts           []*url.URL
	CloudID         []*url.URL // what it stands for
	CloudAuth       string
	User            string
	Password        string
	APIKey          string
	BearerTokenFile string
	Headers         http.Header
	Proxy           string // a URL, or NoProxy
	Compress        string
	ConnectTimeout  time.Duration
	RequestTimeout  time.Duration

	TLSVerify        bool
	TLSCAFile        string
	TLSCrtFile       string
	TLSKeyFile       string
	TLSKeyPasswd     string
	TLSServerName    string
	TLSCAFingerprint string // 64 digits
	TLSMinVersion    string

	AWSAuth        bool
	AWSRegion      string
	AWSServiceName string
	AWSRoleARN     string
	AWSExternalID  string
	AWSSTSEndpoint string
	AWSProfile     string

	Index               string
	LogstashFormat      bool
	LogstashPrefix      string
	LogstashPrefixKey   string
	LogstashSeparator   string
	LogstashDateFormat  string
	DataStream          bool
	DataStreamType      string
	DataStreamDataset   string
	DataStreamNamespace string
	Pipeline            string
	Routing             string
	WriteOperation      string
	IDKey               string
	GenerateID          bool
	CurrentTimeIndex    bool

	TimeKey       string
	TimeKeyFormat string
	TimeKeyNanos  bool
	IncludeTagKey bool
	TagKey        string
	ReplaceDots   bool
	MetadataKey   string

	BulkSize     int
	RetryInitial time.Duration
	RetryMax     time.Duration
	RetryBudget  time.Duration
	OnRefusal    string

	DeadLetterIndex string
	DeadLetterFile  string

	TemplateFile      string
	TemplateName      string
	TemplateOverwrite bool

	SpoolPath   string
	SpoolLimit  int
	SpoolSync   bool
	SpoolLinger time.Duration

	TraceError  bool
	TraceOutput bool
	MemoryLimit int // bytes; 0 where it is not set

	// given holds what the section says, by option, without secrets.
	given map[string]string
}

// IsSet says whether the section gives the option a value. Name is an option's
// name as in the table.
func (c *Config) IsSet(name string) bool {
	_, ok := c.given[name]
	return ok
}

// Options returns every option, in the order of the reference. The slice is the
// caller's.
func Options() []Option { return slices.Clone(table) }

// Default is what an option is where a section doesn't give it a value.
func Default(name string) string { return optionOf(name).Default }

// Parse reads a section through lookup, which returns an option's value, or ""
// where the section doesn't have it (Fluent Bit doesn't tell the two apart).
// All that is wrong is reported at once, by option; the Config is usable only
// where there are no faults.
func Parse(lookup func(name string) string) (*Config, Faults) {
	c := &Config{given: map[string]string{}}
	var faults Faults
	for i := range table {
		o := &table[i]
		text := strings.TrimSpace(lookup(o.Name))
		if text != "" {
			c.given[o.Name] = o.masked(text)
		} else {
			text = o.Default
		}
		if c.IsSet(o.Name) && o.AWS && !hasAWS {
			faults = append(faults, o.fault(text, errNotAWS))
		} else if text == "" && o.Kind == Size {
			continue // the one without a default stays 0
		} else if err := o.read(c, text); err != nil {
			faults = append(faults, o.fault(text, err))
		}
	}
	if len(c.Addresses()) == 0 && !faults.about("Hosts") && !faults.about("Cloud_ID") {
		faults = append(faults, Fault{Option: "Hosts", Value: c.given["Hosts"], Advice: missingHosts})
	}
	return c, append(faults, c.contradictions(faults)...)
}

const (
	unsetVariable = "a ${VARIABLE} that is not set reads as nothing"
	missingHosts  = "is required (or Cloud_ID), for example \"Hosts http://localhost:9200\" " +
		"(Host and Port are Fluent Bit's own and never reach this plugin; " + unsetVariable + ")"
)

// contradictions reports options that can't be had together, and options that
// another one, not given, would make work. An option with a fault of its own,
// among those found before, has no value to judge it or others by.
func (c *Config) contradictions(found Faults) Faults {
	var faults Faults
	report := func(broken bool, option, other, advice string) {
		if broken && !found.about(option) && !found.about(other) {
			faults = append(faults, c.FaultOf(option, c.text(option), errors.New(advice)))
		}
	}
	report(c.LogstashFormat && c.DataStream, "Data_Stream", "Logstash_Format", "contradicts Logstash_Format: switch one of them off")
	for _, other := range []string{"Logstash_Format", "Data_Stream"} {
		report(c.IsSet("Index") && c.isOn(other), "Index", other, "contradicts "+other+", which makes the name itself: remove one of them")
	}
	report(c.GenerateID && c.IDKey != "", "Generate_ID", "Id_Key", "contradicts Id_Key: remove one of them")
	report(c.DataStream && c.WriteOperation != "create", "Write_Operation", "Data_Stream",
		"must be create with Data_Stream, as Elasticsearch takes nothing else there")
	report(c.changes() && c.IDKey == "" && !found.about("Generate_ID") && (!c.GenerateID || c.WriteOperation == "delete"), "Write_Operation", "Id_Key",
		"needs Id_Key, which says whose document it is")
	report(c.changes() && c.Pipeline != "", "Pipeline", "Write_Operation",
		"works only with Write_Operation create or index: Elasticsearch sends no others through one")
	c.contradictoryConnection(report)
	c.contradictoryTLS(report)
	report(c.DeadLetterFile != "" && c.DeadLetterIndex != "", "Dead_Letter_File", "Dead_Letter_Index", "contradicts Dead_Letter_Index: remove one of them")
	for _, letters := range []string{"Dead_Letter_Index", "Dead_Letter_File"} {
		report(c.IsSet(letters) && c.OnRefusal == "retry", "On_Refusal", letters, "contradicts "+letters+": with dead letters nothing that is refused is kept")
	}
	report(c.TemplateFile != "" && c.TemplateName == "", "Template_File", "Template_Name", "needs Template_Name ("+unsetVariable+")")
	const withoutFile = "works only with Template_File (" + unsetVariable + ")"
	report(c.TemplateFile == "" && c.TemplateName != "", "Template_Name", "Template_File", withoutFile)
	report(c.TemplateFile == "" && c.TemplateOverwrite, "Template_Overwrite", "Template_File", withoutFile)
	report(c.RetryInitial > c.RetryMax, "Retry_Initial", "Retry_Max", "must not be longer than Retry_Max")
	report(c.IncludeTagKey && c.TagKey == c.TimeKey, "Tag_Key", "Time_Key", "must differ from Time_Key")
	report(c.IncludeTagKey && c.TagKey == c.MetadataKey, "Tag_Key", "Metadata_Key", "must differ from Metadata_Key")
	report(c.MetadataKey == c.TimeKey, "Metadata_Key", "Time_Key", "must differ from Time_Key")
	for i := range table {
		option := table[i].Name
		if prefix := needs(option); prefix != "" {
			advice := "works only with \"" + prefix + " on\""
			if prefix == "Spool_Path" {
				advice = "works only with Spool_Path (" + unsetVariable + ")"
			}
			report(c.IsSet(option) && !c.isOn(prefix), option, prefix, advice)
		}
	}
	return faults
}

// changes says whether documents are written that may be there before.
func (c *Config) changes() bool {
	return c.WriteOperation == "update" || c.WriteOperation == "upsert" || c.WriteOperation == "delete"
}

// needs names the switch, or the path, without which an option does nothing, ""
// for none.
func needs(option string) string {
	switch {
	case strings.HasPrefix(option, "Logstash_") && option != "Logstash_Format":
		return "Logstash_Format"
	case strings.HasPrefix(option, "Data_Stream_"):
		return "Data_Stream"
	case strings.HasPrefix(option, "Spool_") && option != "Spool_Path":
		return "Spool_Path"
	case option == "Tag_Key":
		return "Include_Tag_Key"
	case strings.HasPrefix(option, "AWS_") && option != "AWS_Auth":
		return "AWS_Auth"
	}
	return ""
}

// isOn says whether one of the options that needs returns is on, or set.
func (c *Config) isOn(name string) bool {
	switch field := optionOf(name).field(c).(type) {
	case *bool:
		return *field
	case *string:
		return *field != ""
	}
	return false
}

// text is what the section says of an option, or its default. Of a switch it
// is nothing: one that contradicts another option is on.
func (c *Config) text(name string) string {
	o := optionOf(name)
	if o.Kind == Switch {
		return ""
	}
	return cmp.Or(c.given[name], o.Default)
}

// HostList renders the addresses without passwords, for log lines.
func (c *Config) HostList() string {
	hosts := make([]string, len(c.Addresses()))
	for i, host := range c.Addresses() {
		hosts[i] = host.Redacted()
	}
	return strings.Join(hosts, ",")
}
