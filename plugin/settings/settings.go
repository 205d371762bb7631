// Package settings turns the options of one section into the typed options of the other packages,
// and reports all faults of a section. Check finds the faults that need no file, for the linter.
package settings

import (
	"errors"
	"fmt"
	"strings"

	"out_es/plugin/address"
	"out_es/plugin/bulk"
	"out_es/plugin/chunk"
	"out_es/plugin/config"
	"out_es/plugin/deliver"
	"out_es/plugin/document"
	"out_es/plugin/elastic"
	"out_es/plugin/report"
	"out_es/plugin/source"
	"out_es/plugin/template"
)

// Settings are the typed options of one section.
type Settings struct {
	Source   source.Options
	Elastic  elastic.Options
	Delivery deliver.Policy
	Report   report.Options
	// Precedence is that of the template in Template_File.
	Precedence template.Precedence
	// MemoryLimit is the section's own, in bytes, or 0.
	MemoryLimit int
	Summary     Summary

	config *config.Config
}

// Summary is the part of the settings that an instance logs when it starts.
type Summary struct {
	// Target is the index or data stream, IDs the source of ids, Rejected the place of documents
	// that Elasticsearch rejects.
	Target, Hosts, IDs, Compression, Rejected string
}

// Read reads a section through lookup, which returns an option's value or "". The settings are
// complete if there are no faults.
func Read(lookup func(name string) string) (*Settings, config.Faults) {
	c, faults := config.Parse(lookup)
	t := &translation{config: c, faults: faults}
	s := &Settings{
		Delivery: deliver.Policy{
			Bytes: c.BulkSize, RequestTimeout: c.RequestTimeout,
			InitialPause: c.RetryInitial, MaxPause: c.RetryMax, Budget: c.RetryBudget, HoldLimit: c.HoldLimit,
		},
		Report:      report.Options{FullReasons: c.TraceError, Spooled: c.SpoolPath != ""},
		MemoryLimit: c.MemoryLimit,
		config:      c,
	}
	t.source(s)
	s.Elastic = t.elastic()
	t.deadLetters(s)
	t.installation(s)
	s.Source.Operation = t.operation()
	s.Delivery.Window = window(&s.Source)
	s.Summary = Summary{Target: t.target, Hosts: c.HostList(), IDs: idSource(c), Compression: c.Compress, Rejected: rejectedTo(c)}
	return s, t.faults
}

// Check returns all faults of a section that can be found without opening a file.
func Check(lookup func(name string) string) config.Faults {
	_, faults := Read(lookup)
	return faults
}

func idSource(c *config.Config) string {
	switch {
	case c.GenerateID:
		return "generated"
	case c.IDKey != "":
		return "from " + c.IDKey
	}
	return "by Elasticsearch (retries can duplicate records: set Generate_ID)"
}

// rejectedTo names the place of documents that Elasticsearch rejects.
func rejectedTo(c *config.Config) string {
	switch {
	case c.DeadLetterFile != "":
		return "to file " + c.DeadLetterFile
	case c.DeadLetterIndex != "":
		return "to index " + c.DeadLetterIndex
	}
	return c.OnRejection
}

// translation collects faults while options are turned into typed ones.
type translation struct {
	config *config.Config
	faults config.Faults
	target string
	// paths are the record accessors of all options.
	paths chunk.Paths
}

func (t *translation) fault(option, value string, err error) {
	t.faults = append(t.faults, t.config.FaultOf(option, value, err))
}

func (t *translation) template(option, text string) *address.Template {
	template, err := address.ParseTemplate(text, &t.paths)
	if err != nil {
		t.fault(option, text, err)
		return &address.Template{}
	}
	return template
}

// fallback is the target of an event that lacks the fields of the option's template: the option's
// default.
func (t *translation) fallback(option string) *address.Template {
	return t.template(option, config.Default(option))
}

func (t *translation) address() address.Options {
	c := t.config
	var o address.Options
	switch {
	case c.DataStream:
		o = t.dataStream()
	case c.LogstashFormat:
		o = t.logstash()
	default:
		t.target = "index " + c.Index
		o = address.IndexOptions(t.template("Index", c.Index), t.fallback("Index"))
	}
	if name := o.Constant(); name != "" && !strings.HasSuffix(t.target, " "+name) {
		t.target += ", as " + name
	}
	o.Pipeline, o.Routing = t.word("Pipeline", c.Pipeline), t.word("Routing", c.Routing)
	if c.CurrentTimeIndex {
		o.Clock = address.SendTime
	}
	switch {
	case c.GenerateID:
		o.IDs = address.GeneratedIDs
	case c.IDKey != "":
		o.IDs = address.RecordIDs
		o.IDPath = t.path("Id_Key", c.IDKey)
	}
	return o
}

// word is the template of an optional option.
func (t *translation) word(option, text string) *address.Template {
	if text == "" {
		return nil
	}
	return t.template(option, text)
}

func (t *translation) dataStream() address.Options {
	c := t.config
	part := func(option, text string) address.Part {
		return address.Part{Template: t.template(option, text), Default: t.fallback(option)}
	}
	t.target = fmt.Sprintf("data stream %s-%s-%s", c.DataStreamType, c.DataStreamDataset, c.DataStreamNamespace)
	return address.DataStreamOptions(
		part("Data_Stream_Type", c.DataStreamType),
		part("Data_Stream_Dataset", c.DataStreamDataset),
		part("Data_Stream_Namespace", c.DataStreamNamespace))
}

// logstash joins prefix, separator and date.
func (t *translation) logstash() address.Options {
	c := t.config
	prefix, plain := t.template("Logstash_Prefix", c.LogstashPrefix), t.fallback("Logstash_Prefix")
	shown := c.LogstashPrefix
	if c.LogstashPrefixKey != "" {
		prefix = address.Field(t.path("Logstash_Prefix_Key", c.LogstashPrefixKey), prefix)
		shown = fmt.Sprintf("%s or %s", c.LogstashPrefixKey, shown)
	}
	separator := t.literal("Logstash_Prefix_Separator", c.LogstashSeparator)
	date := t.template("Logstash_DateFormat", c.LogstashDateFormat)
	t.target = fmt.Sprintf("index %s%s%s", shown, c.LogstashSeparator, c.LogstashDateFormat)
	return address.IndexOptions(address.Join(prefix, separator, date), address.Join(plain, separator, date))
}

// literal rejects a text with the syntax of templates.
func (t *translation) literal(option, text string) *address.Template {
	template := t.template(option, text)
	if !template.IsLiteral() {
		t.fault(option, text, errors.New("must be plain text, without % and $"))
	}
	return template
}

// source sets the options of events: documents, addresses, actions.
func (t *translation) source(s *Settings) {
	c := t.config
	s.Source = source.Options{
		Address: t.address(), Document: t.document(),
		DataStreams: c.DataStream, RetryRejected: c.OnRejection == "retry", Trace: c.TraceOutput,
	}
	s.Source.OwnPipelines = s.Source.Address.Pipeline != nil && !s.Source.Address.Pipeline.IsLiteral()
	if c.Compress == "gzip" {
		s.Source.Compression = bulk.Gzip
	}
	s.Source.RequestBytes = c.BulkSize
}

func (t *translation) operation() bulk.Operation {
	c := t.config
	operation, err := bulk.ParseOperation(c.WriteOperation)
	if err != nil && c.WriteOperation != "" { // empty if config found a fault in it
		t.fault("Write_Operation", c.WriteOperation, err)
	}
	return operation
}

// requestsTogether is how many requests of one chunk are under way at a time, where their order
// makes no difference.
const requestsTogether = 2

// window is 1 where two events of a chunk may be about the same document: the order of those
// counts. Ids of ours differ for all events of a chunk, and so do those that Elasticsearch makes; a
// pipeline may make others.
func window(o *source.Options) int {
	ordered := o.Operation != bulk.Create && o.Operation != bulk.Index || o.Address.IDs == address.RecordIDs || o.Address.Pipeline != nil
	if ordered {
		return 1
	}
	return requestsTogether
}

// deadLetters sets the place of rejected records, and keeps the reason of each.
func (t *translation) deadLetters(s *Settings) {
	c := t.config
	if c.DeadLetterIndex != "" {
		name := t.template("Dead_Letter_Index", c.DeadLetterIndex)
		s.Source.DeadLetterIndex = address.IndexOptions(name, t.template("Dead_Letter_Index", "dead-letters"))
		s.Source.DeadLetterIndex.Clock = address.SendTime
		s.Source.DeadLetters = source.DeadLettersToIndex
	}
	if c.DeadLetterFile != "" {
		s.Source.DeadLetters = source.DeadLettersToFile
	}
	if s.Source.DeadLetters != source.NoDeadLetters {
		s.Delivery.Reasons = deliver.EachReason
	}
}

// installation checks the name of the template that is to be installed.
func (t *translation) installation(s *Settings) {
	c := t.config
	if err := template.CheckName(c.TemplateName); err != nil {
		t.fault("Template_Name", c.TemplateName, err)
	}
	s.Precedence = template.KeepExisting
	if c.TemplateOverwrite {
		s.Precedence = template.Overwrite
	}
}

// path parses a record accessor and returns its number. The `$` is optional, as in older
// configurations of the built-in plugin.
func (t *translation) path(option, text string) (number int) {
	path, rest, err := chunk.ParsePath(text)
	if err != nil || rest != "" {
		t.fault(option, text, errors.New("must be a record accessor such as $kubernetes['namespace_name']"))
	}
	return t.paths.Add(path)
}

func (t *translation) document() document.Options {
	c := t.config
	o := document.Options{TimeKey: c.TimeKey, MetadataKey: c.MetadataKey, Paths: &t.paths}
	date, err := address.ParseDate(c.TimeKeyFormat)
	if err != nil {
		t.fault("Time_Key_Format", c.TimeKeyFormat, err)
	}
	o.TimeFormat = date
	if c.TimeKeyNanos {
		o.Precision = document.Nanoseconds
	}
	if c.IncludeTagKey {
		o.TagKey = c.TagKey
	}
	if c.ReplaceDots {
		o.Dots = document.ReplaceDots
	}
	if strings.EqualFold(o.MetadataKey, "off") {
		o.MetadataKey = ""
	}
	t.addedKeys(o)
	return o
}

// addedKeys rejects names of added fields that Elasticsearch rejects.
func (t *translation) addedKeys(o document.Options) {
	for _, added := range [...]struct{ option, key string }{
		{"Time_Key", o.TimeKey}, {"Tag_Key", o.TagKey}, {"Metadata_Key", o.MetadataKey},
	} {
		if added.key != "" && !document.Acceptable(added.key) {
			t.fault(added.option, added.key, errors.New("is a name that Elasticsearch rejects: choose one that is no metadata field such as _id, and has no dot without a name before it"))
		}
	}
}
