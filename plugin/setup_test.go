package plugin_test

import (
	"strings"
	"testing"
)

// A name that every document gets is logged as Elasticsearch has it, so that it
// is found there.
func TestTheStartLineHasTheNameAsElasticsearchHasIt(t *testing.T) {
	e := newElasticsearch(t)
	for _, c := range []struct {
		section section
		want    string
	}{
		{section{"Index": "app"}, "writes to index app at"},
		{section{"Index": "My App"}, "writes to index My App, as my_app at"},
		{section{"Index": "App-%Y"}, "writes to index App-%Y at"},
		{section{"Logstash_Format": "on"}, "writes to index logstash-%Y.%m.%d at"},
		{section{"Data_Stream": "on"}, "writes to data stream logs-generic-default at"},
		{section{"Data_Stream": "on", "Data_Stream_Dataset": "app-one"}, "writes to data stream logs-app-one-default, as logs-app_one-default at"},
	} {
		p, host := instance(t, e, c.section)
		p.Close() // prints queued lines
		if told := lines(host, "writes to"); len(told) != 1 || !strings.Contains(told[0].Text, c.want) {
			t.Errorf("%v: lines %v, want %q", c.section, told, c.want)
		}
	}
}
