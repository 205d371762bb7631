package plugin_test

import (
	"strings"
	"testing"

	"out_es/plugin"
	"out_es/plugin/fluentbit"
	"out_es/plugin/fluentbit/fluentbittest"
)

func TestNewReportsEverythingThatIsWrong(t *testing.T) {
	s := section{
		"Bulk_Size": "lots", "Compress": "zstd", "Retry_Initial": "-1s", "Index": "$a[", "Time_Key_Format": "%!", "Id_Key": "$[[", "On_Rejection": "cry",
		"HTTP_User": "a", "HTTP_API_Key": "SECRET", "Write_Operation": "replace",
	}
	host := fluentbittest.NewRecorder("es_go.0")
	p, err := plugin.New(s.lookup, host.Instance())
	if err == nil || p != nil {
		t.Fatal("it was taken")
	}
	for _, option := range []string{"Hosts", "Bulk_Size", "Compress", "Retry_Initial", "Index", "Time_Key_Format", "Id_Key", "On_Rejection", "HTTP_API_Key", "Write_Operation"} {
		told := 0
		for line := range strings.Lines(err.Error()) {
			if strings.HasPrefix(line, option+" ") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d lines about %s in:\n%v", told, option, err)
		}
	}
	if strings.Contains(err.Error(), "SECRET") {
		t.Errorf("a secret is in:\n%v", err)
	}
	if len(host.Values("records_total")) != 0 {
		t.Error("metrics were made for an instance that there is not")
	}
}

func TestNewRejectsNamesOfAddedFieldsThatElasticsearchRejects(t *testing.T) {
	for told, s := range map[string]section{
		`Time_Key "_source": is a name that Elasticsearch rejects`: {"Time_Key": "_source"},
		`Metadata_Key ".m": is a name that Elasticsearch rejects`:  {"Metadata_Key": ".m"},
	} {
		s["Hosts"] = "es"
		if _, err := plugin.New(s.lookup, fluentbittest.NewRecorder("es_go.0").Instance()); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%v, want %s", err, told)
		}
	}
}

func TestNewSaysWhatItWillDoWithoutSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		section section
		tells   []string
	}{
		"the defaults":     {section{"Hosts": "http://es:9200"}, []string{"index fluent-bit", "http://es:9200", "create", "Generate_ID", "gzip", "5242880", "drop"}},
		"a password":       {section{"Hosts": "https://es", "HTTP_User": "u", "HTTP_Passwd": "SECRET"}, []string{"https://es:9200"}},
		"one in a URL":     {section{"Hosts": "https://u:SECRET@es:1/p, https://v:SECRET@es2"}, []string{"es:1/p", "@es2:9200"}},
		"an API key":       {section{"Hosts": "localhost", "HTTP_API_Key": "SECRET"}, nil},
		"Logstash":         {section{"Hosts": "es", "Logstash_Format": "on"}, []string{"logstash-%Y.%m.%d"}},
		"a data stream":    {section{"Hosts": "es", "Data_Stream": "on", "Generate_ID": "on"}, []string{"data stream logs-generic-default", "generated"}},
		"ids from records": {section{"Hosts": "es", "Id_Key": "$id"}, []string{"$id"}},
	} {
		t.Run(name, func(t *testing.T) {
			host := fluentbittest.NewRecorder("es_go.0")
			p, err := plugin.New(c.section.lookup, host.Instance())
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			all := withoutStartupCheck(host.Lines())
			if len(all) != 1 || all[0].Level != fluentbit.Info {
				t.Fatalf("lines %v", all)
			}
			for _, part := range append(c.tells, plugin.Version) {
				if !strings.Contains(all[0].Text, part) {
					t.Errorf("%q doesn't tell %s", all[0].Text, part)
				}
			}
			if strings.Contains(all[0].Text, "SECRET") {
				t.Errorf("%q tells a secret", all[0].Text)
			}
		})
	}
}

func TestEverySeriesExistsFromTheStart(t *testing.T) {
	e := newElasticsearch(t)
	_, host := instance(t, e, nil)
	for metric, least := range map[string]int{"records_total": 5, "requests_total": 9, "rejected_records_total": 18, "received_records_total": 1, "sent_bytes_total": 1, "retried_requests_total": 1, "truncated_values_total": 1, "changed_keys_total": 5} {
		if got := len(host.Values(metric)); got < least {
			t.Errorf("%s has %d series, want %d", metric, got, least)
		}
	}
}
