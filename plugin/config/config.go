// Package config holds the one table of es_go's options: it is the source of
// parsing, bounds, the start-up line and docs/configuration.md.
package config

import (
	"net/url"
	"strings"
	"time"
)

// Config is one [OUTPUT] section, read and checked.
type Config struct {
	Hosts          []*url.URL
	User           string
	Password       string
	APIKey         string
	Compress       string
	ConnectTimeout time.Duration
	RequestTimeout time.Duration

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

	TraceError  bool
	TraceOutput bool

	set map[string]bool
}

// IsSet says whether the section gives the option a value. Name is an option's
// name as in the table.
func (c *Config) IsSet(name string) bool { return c.set[name] }

// Parse reads a section through lookup, which returns an option's value, or ""
// where the section doesn't have it (Fluent Bit doesn't tell the two apart).
// All that is wrong is reported at once, by option; the Config is usable only
// where there are no faults.
func Parse(lookup func(name string) string) (*Config, Faults) {
	c := &Config{set: map[string]bool{}}
	var faults Faults
	for _, o := range table {
		text := strings.TrimSpace(lookup(o.Name))
		if text != "" {
			c.set[o.Name] = true
		} else {
			text = o.Default
		}
		if err := o.read(c, text); err != nil {
			faults = append(faults, o.fault(text, err))
		} else if c.set[o.Name] && o.Later {
			faults = append(faults, o.fault(text, errLater))
		}
	}
	if len(c.Hosts) == 0 && !faults.about("Hosts") {
		faults = append(faults, Fault{Option: "Hosts", Advice: missingHosts})
	}
	return c, append(faults, c.contradictions()...)
}

const missingHosts = "is required, for example \"Hosts http://localhost:9200\" " +
	"(Host and Port are Fluent Bit's own and never reach this plugin; a ${VARIABLE} that is not set reads as nothing)"

// contradictions reports options that can't be had together, and options that
// another one, not given, would make work.
func (c *Config) contradictions() Faults {
	var faults Faults
	report := func(broken bool, option, advice string) {
		if broken {
			faults = append(faults, Fault{Option: option, Advice: advice})
		}
	}
	report(c.LogstashFormat && c.DataStream, "Data_Stream", "contradicts Logstash_Format: switch one of them off")
	report(c.set["Index"] && (c.LogstashFormat || c.DataStream), "Index",
		"contradicts Logstash_Format and Data_Stream, which make the name themselves: remove it")
	report(c.GenerateID && c.IDKey != "", "Generate_ID", "contradicts Id_Key: remove one of them")
	report(c.DataStream && c.set["Write_Operation"] && c.WriteOperation != "create", "Write_Operation",
		"must be create with Data_Stream, as Elasticsearch takes nothing else there")
	report(c.APIKey != "" && c.User != "", "HTTP_API_Key", "contradicts HTTP_User: remove one of them")
	report(c.Password != "" && c.User == "", "HTTP_Passwd", "needs HTTP_User")
	report(c.hostUser() && (c.User != "" || c.APIKey != ""), "Hosts",
		"has a user in a URL, which contradicts HTTP_User and HTTP_API_Key: remove one of them")
	report(c.RetryInitial > c.RetryMax, "Retry_Initial", "must not be longer than Retry_Max")
	report(c.IncludeTagKey && c.TagKey == c.TimeKey, "Tag_Key", "must differ from Time_Key")
	for _, o := range table {
		option, isDate := o.Name, strings.HasPrefix(o.Name, "Logstash_") && o.Name != "Logstash_Format"
		report(isDate && !c.LogstashFormat && c.set[option], option, "works only with \"Logstash_Format on\"")
		report(strings.HasPrefix(option, "Data_Stream_") && !c.DataStream && c.set[option], option, "works only with \"Data_Stream on\"")
	}
	report(c.set["Tag_Key"] && !c.IncludeTagKey, "Tag_Key", "works only with \"Include_Tag_Key on\"")
	return faults
}

func (c *Config) hostUser() bool {
	for _, host := range c.Hosts {
		if host.User != nil {
			return true
		}
	}
	return false
}

// HostList renders Hosts without passwords, for log lines.
func (c *Config) HostList() string {
	hosts := make([]string, len(c.Hosts))
	for i, host := range c.Hosts {
		hosts[i] = host.Redacted()
	}
	return strings.Join(hosts, ",")
}
