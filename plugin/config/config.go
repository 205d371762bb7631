// Package config holds the one table of es_go's options, the source of parsing, bounds, the
// start-up line and docs/configuration.md.
package config

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is one [OUTPUT] section, parsed and checked.
type Config struct {
	Hosts           []*url.URL
	CloudID         []*url.URL // decoded
	CloudAuth       string
	User            string
	Password        string
	APIKey          string
	APIKeyFile      string
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
	HoldLimit    time.Duration
	OnRejection  string

	DeadLetterIndex string
	DeadLetterFile  string

	TemplateFile      string
	TemplateName      string
	TemplateOverwrite bool

	SpoolPath      string
	SpoolLimit     int
	SpoolHeldShare int
	SpoolSync      bool
	SpoolLinger    time.Duration

	TraceError  bool
	TraceOutput bool
	MemoryLimit int // bytes; 0 if it is not set

	// given holds the section's values by option, without secrets.
	given map[string]string
}

// IsSet reports whether the section gives the option a value. Name is an option's name in the
// table.
func (c *Config) IsSet(name string) bool {
	_, ok := c.given[name]
	return ok
}

// Options returns every option, in the order of the reference. The caller owns the slice.
func Options() []Option { return slices.Clone(table) }

// Default is an option's value if the section doesn't have it.
func Default(name string) string { return optionOf(name).Default }

// Parse reads a section through lookup, which returns an option's value, or "" if the section
// doesn't have it (Fluent Bit doesn't distinguish the two). It reports all faults at once, by
// option; the Config is usable only if there are none.
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
	return c, append(faults, c.judged(faults)...)
}

const missingHosts = "is required (or Cloud_ID), for example \"Hosts http://localhost:9200\" " +
	"(Host and Port are Fluent Bit's own and never reach this plugin; " + unsetVariable + ")"

// HostList renders the addresses without passwords, for log lines.
func (c *Config) HostList() string {
	hosts := make([]string, len(c.Addresses()))
	for i, host := range c.Addresses() {
		hosts[i] = host.Redacted()
	}
	return strings.Join(hosts, ",")
}
