package config

import (
	"fmt"
	"strings"
)

const preface = `# Configuration

<!-- Generated from plugin/config/table.go by "make generate". -->

Options of an ` + "`[OUTPUT]`" + ` section with ` + "`Name es_go`" + `. Names are case-insensitive.
The plugin reports all faults of a section at once, and does not start.

Fluent Bit reserves these names: ` + "`Host`, `Port`, `IPv6`, `tls`, `tls.*`, `net.*`, `oauth2*`, `Workers`, `Retry_Limit`, `Match`, `Match_Regex`, `Alias`, `Log_Level`, `storage.total_limit_size`" + `.
Therefore the address is ` + "`Hosts`" + `.
Set ` + "`Workers`" + ` (1 is enough for most nodes), or each request blocks Fluent Bit's engine.
Set ` + "`Retry_Limit no_limits`" + `: with Fluent Bit's default of 1, a short outage loses records.

A list is one string: of a YAML list, or of a key given twice, a Go plugin gets the first value only.
The classic format keeps quotes, and a comment behind a value, as part of the value; the plugin refuses both, except in secrets.

Sizes are bytes, or end in K, M or G (powers of 1,024).
Durations end in ms, s, m or h; a bare number is seconds.
Switches also take true, false, yes and no.
`

const templates = `
## Templates

` + "`Index`, `Logstash_Prefix`, `Pipeline`, `Routing` and the `Data_Stream_*`" + ` options are expanded for each event:

| in the template | becomes |
| --- | --- |
| ` + "`%Y.%m.%d`" + ` and the rest of strftime, ` + "`%s`" + ` | the event's time in UTC, seconds since 1970 |
| ` + "`$key`, `$kubernetes['namespace_name']`, `$list[0]`" + ` | a field of the record, or else of its OTLP fields |
| ` + "`$TAG`, `$TAG[1]`" + ` | the tag, or a part of it between dots, counted from 0 |
| ` + "`$key\\|other`, `$TAG[1]\\|other`" + ` | the same, or the word after the bar if it is missing or empty |

A field can be a string, a number or a boolean; of duplicate keys, the last counts.
If a field is missing and the template has no default word, the option's own default applies; for Pipeline and Routing, that is none.
Names are made legal: lower case, ` + "`_`" + ` for illegal characters, at most 255 bytes (data streams: 230).
Values are never expanded again.
`

var groupTitles = []struct{ group, title string }{
	{"connection", "Connection"}, {"address", "Address"}, {"document", "Document"}, {"delivery", "Delivery"},
	{"spool", "Spool"}, {"set-up", "Set-up"}, {"diagnosis", "Diagnosis"},
}

// Reference renders the table as Markdown.
func Reference() string {
	var out strings.Builder
	out.WriteString(preface)
	for _, g := range groupTitles {
		fmt.Fprintf(&out, "\n## %s\n\n| option | value | default | meaning |\n| --- | --- | --- | --- |\n", g.title)
		for i := range table {
			if table[i].Group == g.group {
				out.WriteString(table[i].row())
			}
		}
	}
	out.WriteString(templates)
	return out.String()
}

func (o *Option) row() string {
	value := kindNames[o.Kind]
	switch o.Kind {
	case Choice:
		value += " `" + strings.Join(o.Choices, "`, `") + "`"
	case Size, Duration, Percent:
		value += fmt.Sprintf(", %s to %s", o.render(o.Min), o.render(o.Max))
	}
	fallback := ""
	if o.Default != "" {
		fallback = "`" + o.Default + "`"
	}
	doc := o.Doc
	if o.AWS {
		doc += " *out_es_aws.so only.*"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", o.Name, value, fallback, doc)
}
