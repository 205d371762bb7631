package config_test

import (
	"strings"
	"testing"

	"out_es/plugin/config"
	"out_es/test/support"
)

// TestReference compares docs/configuration.md with the table. To write it: go test ./plugin/config
// -update.
func TestReference(t *testing.T) {
	support.CompareGolden(t, "../../docs/configuration.md", config.Reference(), *update)
}

// released are the options with their defaults, typed by hand: configurations rely on them, so a
// change must be deliberate.
const released = `
Hosts; Cloud_ID; Cloud_Auth; HTTP_User; HTTP_Passwd; HTTP_API_Key; HTTP_API_Key_File; Bearer_Token_File; Headers; Proxy; Compress gzip;
Connect_Timeout 10s; Request_Timeout 60s; TLS_Verify on; TLS_CA_File; TLS_Crt_File; TLS_Key_File; TLS_Key_Passwd;
TLS_Server_Name; TLS_CA_Fingerprint; TLS_Min_Version 1.2;
Index fluent-bit; Logstash_Format off; Logstash_Prefix logstash; Logstash_Prefix_Key; Logstash_Prefix_Separator -;
Logstash_DateFormat %Y.%m.%d; Data_Stream off; Data_Stream_Type logs; Data_Stream_Dataset generic;
Data_Stream_Namespace default; Pipeline; Routing; Write_Operation create; Id_Key; Generate_ID off; Current_Time_Index off;
Time_Key @timestamp; Time_Key_Format %Y-%m-%dT%H:%M:%S; Time_Key_Nanos off; Include_Tag_Key off; Tag_Key flb-key;
Replace_Dots off; Metadata_Key metadata;
Bulk_Size 5M; Retry_Initial 500ms; Retry_Max 30s; Retry_Budget 5s; Hold_Limit 0s; On_Rejection drop; Dead_Letter_Index; Dead_Letter_File;
Spool_Path; Spool_Limit 1G; Spool_Held_Share 50%; Spool_Sync off; Spool_Linger 1s;
Template_File; Template_Name; Template_Overwrite off;
Trace_Error off; Trace_Output off; Memory_Limit`

func TestOptionsAreThoseThatAreReleased(t *testing.T) {
	want := map[string]string{}
	for option := range strings.SplitSeq(released, ";") {
		name, fallback, _ := strings.Cut(strings.TrimSpace(option), " ")
		want[name] = fallback
	}
	got := map[string]string{}
	for line := range strings.Lines(config.Reference()) {
		cells := strings.Split(line, " | ")
		if name, ok := strings.CutPrefix(cells[0], "| `"); ok && len(cells) == 4 {
			got[strings.TrimSuffix(name, "`")] = strings.Trim(cells[2], "`")
		}
	}
	for name, fallback := range want {
		if text, ok := got[name]; !ok || text != fallback {
			t.Errorf("%s has the default %q (there: %v), the list here says %q", name, text, ok, fallback)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok && !strings.HasPrefix(name, "AWS_") {
			t.Errorf("%s is not in the list of this test", name)
		}
	}
}
