package config

import (
	"fmt"
	"strings"
)

const preface = `# Configuration

<!-- Generated from plugin/config/table.go by "make generate". -->

Options of an ` + "`[OUTPUT]`" + ` section with ` + "`Name es_go`" + `. Names are case-insensitive. All that is wrong with a section is
reported at once, and the plugin then doesn't start.

Fluent Bit keeps these for itself, and no Go plugin can read them: ` + "`Host`, `Port`, `IPv6`, `tls`, `tls.*`, `net.*`, `oauth2*`, `Workers`, `Retry_Limit`, `Match`, `Match_Regex`, `Alias`, `Log_Level`, `storage.total_limit_size`" + `.
So the address is ` + "`Hosts`" + `, and it has no default. ` + "`Workers`" + ` should be set (1 is enough for most nodes), or each request
blocks Fluent Bit's engine; ` + "`Retry_Limit`" + ` is 1 unless set, and then an outage of a few seconds loses records:
write ` + "`Retry_Limit no_limits`" + `.

A list is one string: a YAML list, or a key given twice, reaches a Go plugin as its first value only. Fluent Bit's classic
format keeps quotes, and a comment behind a value, as part of the value: both are refused, but in secrets, where they may be meant.

Sizes are bytes, or have K, M or G (powers of 1,024) behind them. Durations have ms, s, m or h behind them; a bare number is
seconds.
`

const templates = `
## Templates

` + "`Index`, `Logstash_Prefix`, `Pipeline`, `Routing` and the `Data_Stream_*`" + ` options are made anew for each event:

| in the template | becomes |
| --- | --- |
| ` + "`%Y.%m.%d`" + ` and the rest of strftime, ` + "`%s`" + ` | the event's time in UTC, seconds since 1970 |
| ` + "`$key`, `$kubernetes['namespace_name']`, `$list[0]`" + ` | a field of the record, else of what OTLP says beside it |
| ` + "`$TAG`, `$TAG[1]`" + ` | the tag, or a part of it between dots, counted from 0 |
| ` + "`$key\\|other`, `$TAG[1]\\|other`" + ` | the same, or the word behind the bar where it is missing or empty |

A field can be a string, a number or a boolean. Of a key that stands twice the last counts. A record that lacks one without such a word goes where the option's default says: without pipeline or routing, where that is empty. Names are made legal: lower case, ` + "`_`" + ` for
characters that Elasticsearch refuses, cut to 255 bytes (a data stream 230). What comes out of a record is never expanded again.
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
		doc += " *Only in out_es_aws.so.*"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", o.Name, value, fallback, doc)
}
