package plugin

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
	"out_es/plugin/template"
)

// setup is what the options of one section come to.
type setup struct {
	address   address.Options
	document  document.Options
	elastic   elastic.Options
	policy    deliver.Policy
	letters   letterSetup
	operation bulk.Operation
	// dataStreams says that documents tell the data stream they are in.
	dataStreams bool
	// ownPipelines says that pipelines are named by the events.
	ownPipelines bool
	compression  bulk.Compression
	// replaces says that Template_File replaces another template of its name.
	replaces bool
	// memoryLimit is the section's own, in bytes, or 0.
	memoryLimit int
	// target describes where documents go, for the start-up line.
	target string
}

// newSetup translates the options, and reports with the faults of c all that
// only the rooms below can find wrong.
func newSetup(c *config.Config, faults config.Faults) (*setup, config.Faults) {
	t := &translation{config: c, faults: faults}
	s := &setup{
		address:  t.address(),
		document: t.document(),
		elastic:  t.elastic(),
		policy: deliver.Policy{
			Bytes: c.BulkSize, RequestTimeout: c.RequestTimeout,
			Initial: c.RetryInitial, Longest: c.RetryMax, Budget: c.RetryBudget,
		},
		memoryLimit: c.MemoryLimit,
	}
	s.target = t.target // address has set it
	t.letters(s)
	t.installation(s)
	if c.Compress == "gzip" {
		s.compression = bulk.Gzip
	}
	operation, err := bulk.ParseOperation(c.WriteOperation)
	if err != nil && c.WriteOperation != "" { // it is empty where config found it wrong
		t.fault("Write_Operation", c.WriteOperation, err)
	}
	s.operation = operation
	s.dataStreams = c.DataStream
	s.ownPipelines = s.address.Pipeline != nil && !s.address.Pipeline.IsLiteral()
	return s, t.faults
}

// translation gathers faults while options are turned into what they mean.
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

// fallback is where an event goes that lacks what the option's template asks
// for: the option's default.
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
		o.Clock = address.SendingTime
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

// word is the template of an option that may be left out.
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

// literal refuses what a template would take for more than text.
func (t *translation) literal(option, text string) *address.Template {
	template := t.template(option, text)
	if !template.IsLiteral() {
		t.fault(option, text, errors.New("must be plain text, without % and $"))
	}
	return template
}

// letters says where refused records go, and that the reason of each is kept.
func (t *translation) letters(s *setup) {
	c := t.config
	s.letters.File = c.DeadLetterFile
	if c.DeadLetterIndex != "" {
		name := t.template("Dead_Letter_Index", c.DeadLetterIndex)
		s.letters.Names = address.IndexOptions(name, t.template("Dead_Letter_Index", "dead-letters"))
		s.letters.Names.Clock = address.SendingTime
	}
	if s.letters.Kept() {
		s.policy.Reasons = deliver.EachReason
	}
}

// installation checks the name of the template that is to be installed.
func (t *translation) installation(s *setup) {
	c := t.config
	if err := template.CheckName(c.TemplateName); err != nil {
		t.fault("Template_Name", c.TemplateName, err)
	}
	s.replaces = c.TemplateOverwrite
}

// path reads a record accessor and returns its number; the `$` may be left out,
// as in older configurations of the built-in plugin.
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

// addedKeys refuses names of added fields that Elasticsearch refuses.
func (t *translation) addedKeys(o document.Options) {
	for _, added := range [...]struct{ option, key string }{
		{"Time_Key", o.TimeKey}, {"Tag_Key", o.TagKey}, {"Metadata_Key", o.MetadataKey},
	} {
		if added.key != "" && !document.Acceptable(added.key) {
			t.fault(added.option, added.key, errors.New("is a name that Elasticsearch refuses: choose one that is no metadata field such as _id, and has no dot without a name before it"))
		}
	}
}
