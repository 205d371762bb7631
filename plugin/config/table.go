package config

import "time"

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
	gigabyte = 1 << 30
)

// unsetVariable is the reason why an option in the file can be missing.
const unsetVariable = "a ${VARIABLE} that is not set reads as nothing"

// table has a row for every option, in the order in which the reference shows
// them.
var table = []Option{
	{
		Name: "Hosts", Group: "connection", Kind: URLs,
		Credential: UserInURL, Check: everyHostHasUser,
		field: func(c *Config) any { return &c.Hosts },
		Doc: "Elasticsearch's URLs in one string, separated by commas or spaces. The scheme defaults " +
			"to `http`, the port to 9200. A URL with a user needs its scheme, and a percent-encoded " +
			"password (a comma is `%2C`). Required.",
	},
	{
		Name: "Cloud_ID", Group: "connection", Kind: CloudID,
		Excludes: excludes("Hosts"),
		field:    func(c *Config) any { return &c.CloudID },
		Doc:      "Elastic Cloud deployment, instead of Hosts.",
	},
	{
		Name: "Cloud_Auth", Group: "connection", Kind: Secret,
		Credential: IsCredential, Check: isUserAndPassword,
		Needs: []Link{{Option: "Cloud_ID",
			Why: "works only with Cloud_ID; with Hosts it is HTTP_User and HTTP_Passwd"}},
		field: func(c *Config) any { return &c.CloudAuth },
		Doc:   "`user:password` for Cloud_ID. The password may have colons.",
	},
	{
		Name: "HTTP_User", Group: "connection",
		Credential: IsCredential, Check: hasNoColon,
		Needs: []Link{{Option: "HTTP_Passwd", Why: "needs HTTP_Passwd (" + unsetVariable + ")"}},
		field: func(c *Config) any { return &c.User },
		Doc:   "User for basic authentication. Only one [credential](security.md#credentials) can be given.",
	},
	{
		Name: "HTTP_Passwd", Group: "connection", Kind: Secret,
		Needs: []Link{{Option: "HTTP_User", Why: "needs HTTP_User (" + unsetVariable + ")"}},
		field: func(c *Config) any { return &c.Password },
		Doc:   "Password of HTTP_User.",
	},
	{
		Name: "HTTP_API_Key", Group: "connection", Kind: Secret,
		Credential: IsCredential, Check: isOneWord,
		field: func(c *Config) any { return &c.APIKey },
		Doc:   "API key, encoded as Elasticsearch prints it or as `id:key`.",
	},
	{
		Name: "HTTP_API_Key_File", Group: "connection",
		Credential: IsCredential,
		field:      func(c *Config) any { return &c.APIKeyFile },
		Doc:        "File with such an API key, reloaded on change.",
	},
	{
		Name: "Bearer_Token_File", Group: "connection",
		Credential: IsCredential,
		field:      func(c *Config) any { return &c.BearerTokenFile },
		Doc:        "File with a bearer token, reloaded on change.",
	},
	{
		Name: "Headers", Group: "connection", Kind: Headers,
		Credential: AuthorizationHeader,
		field:      func(c *Config) any { return &c.Headers },
		Doc:        "Further HTTP headers, `Name: value, Name: value`. Write a comma in a value as `\\,`.",
	},
	{
		Name: "Proxy", Group: "connection", Kind: Proxy,
		field: func(c *Config) any { return &c.Proxy },
		Doc: "Proxy for Elasticsearch: `http://`, `https://` or `socks5://`, with `user:password@` if " +
			"needed, except for hosts in the environment's `NO_PROXY`. Without it the environment's " +
			"`HTTPS_PROXY` and `HTTP_PROXY` count; `off` ignores them.",
	},
	{
		Name: "Compress", Group: "connection", Kind: Choice, Choices: []string{"gzip", "off"}, Default: "gzip",
		field: func(c *Config) any { return &c.Compress },
		Doc:   "Compression of requests.",
	},
	{
		Name: "Connect_Timeout", Group: "connection", Kind: Duration, Default: "10s",
		Min: int64(10 * time.Millisecond), Max: int64(5 * time.Minute),
		field: func(c *Config) any { return &c.ConnectTimeout },
		Doc:   "Limit of a connection with its TLS handshake.",
	},
	{
		Name: "Request_Timeout", Group: "connection", Kind: Duration, Default: "60s",
		Min: int64(100 * time.Millisecond), Max: int64(2 * time.Minute),
		field: func(c *Config) any { return &c.RequestTimeout },
		Doc:   "Limit of a bulk request with its answer.",
	},
	{
		Name: "TLS_Verify", Group: "connection", Kind: Switch, Default: "on",
		TLS:   true,
		field: func(c *Config) any { return &c.TLSVerify },
		Doc: "Verify the server's certificate. `off` lets anybody on the way read and change " +
			"everything, credentials included, and causes a warning at every start.",
	},
	{
		Name: "TLS_CA_File", Group: "connection",
		TLS:   true,
		Needs: []Link{{Option: "TLS_Verify", Why: "does nothing with \"TLS_Verify off\": remove one of them"}},
		field: func(c *Config) any { return &c.TLSCAFile },
		Doc:   "Trusted certificate authorities instead of the machine's, PEM, reloaded on change.",
	},
	{
		Name: "TLS_Crt_File", Group: "connection",
		TLS:   true,
		Needs: []Link{{Option: "TLS_Key_File", Why: "needs TLS_Key_File"}},
		field: func(c *Config) any { return &c.TLSCrtFile },
		Doc:   "Client certificate and its intermediates, PEM, reloaded on change.",
	},
	{
		Name: "TLS_Key_File", Group: "connection",
		TLS:   true,
		Needs: []Link{{Option: "TLS_Crt_File", Why: "needs TLS_Crt_File"}},
		field: func(c *Config) any { return &c.TLSKeyFile },
		Doc:   "Key of TLS_Crt_File, PEM (PKCS#1, PKCS#8 or SEC 1, also encrypted), reloaded on change.",
	},
	{
		Name: "TLS_Key_Passwd", Group: "connection", Kind: Secret,
		TLS:   true,
		Needs: []Link{{Option: "TLS_Key_File", Why: "works only with TLS_Key_File"}},
		field: func(c *Config) any { return &c.TLSKeyPasswd },
		Doc:   "Password of TLS_Key_File.",
	},
	{
		Name: "TLS_Server_Name", Group: "connection",
		TLS:   true,
		field: func(c *Config) any { return &c.TLSServerName },
		Doc:   "Name in the server's certificate and SNI, instead of that in Hosts.",
	},
	{
		Name: "TLS_CA_Fingerprint", Group: "connection", Kind: Fingerprint,
		TLS:      true,
		Needs:    []Link{{Option: "TLS_Verify", Why: "does nothing with \"TLS_Verify off\": remove one of them"}},
		Excludes: excludes("TLS_CA_File"),
		field:    func(c *Config) any { return &c.TLSCAFingerprint },
		Doc: "SHA-256 fingerprint of the trusted authority, from Elasticsearch, or openssl with " +
			"colons. The server must send that certificate.",
	},
	{
		Name: "TLS_Min_Version", Group: "connection", Kind: Choice,
		Choices: []string{"1.1", "1.2", "1.3"}, Default: "1.2",
		field: func(c *Config) any { return &c.TLSMinVersion },
		Doc:   "Oldest version of TLS.",
	},
	{
		Name: "AWS_Auth", Group: "connection", Kind: Switch, Default: "off", AWS: true,
		Credential: IsCredential,
		field:      func(c *Config) any { return &c.AWSAuth },
		Doc:        "Sign requests for Amazon OpenSearch (Signature Version 4).",
	},
	{
		Name: "AWS_Region", Group: "connection", AWS: true,
		Needs: needs("AWS_Auth"),
		field: func(c *Config) any { return &c.AWSRegion },
		Doc:   "Region to sign for; by default that of `AWS_REGION` or the profile.",
	},
	{
		Name: "AWS_Service_Name", Group: "connection", Kind: Choice,
		Choices: []string{"es", "aoss"}, Default: "es", AWS: true,
		Needs: needs("AWS_Auth"),
		field: func(c *Config) any { return &c.AWSServiceName },
		Doc:   "Service to sign for: `es` for domains, `aoss` for serverless collections.",
	},
	{
		Name: "AWS_Role_ARN", Group: "connection", AWS: true,
		Needs: needs("AWS_Auth"),
		field: func(c *Config) any { return &c.AWSRoleARN },
		Doc: "Role to assume, with credentials from environment, profile, web identity, container or " +
			"instance.",
	},
	{
		Name: "AWS_External_ID", Group: "connection", Kind: Secret, AWS: true,
		Needs: []Link{{Option: "AWS_Auth"}, {Option: "AWS_Role_ARN", Why: "works only with AWS_Role_ARN"}},
		field: func(c *Config) any { return &c.AWSExternalID },
		Doc:   "External id for AWS_Role_ARN.",
	},
	{
		Name: "AWS_STS_Endpoint", Group: "connection", AWS: true,
		Needs: []Link{{Option: "AWS_Auth"}, {Option: "AWS_Role_ARN", Why: "works only with AWS_Role_ARN"}},
		field: func(c *Config) any { return &c.AWSSTSEndpoint },
		Doc:   "URL of the security token service for AWS_Role_ARN, instead of the region's.",
	},
	{
		Name: "AWS_Profile", Group: "connection", AWS: true,
		Needs: needs("AWS_Auth"),
		field: func(c *Config) any { return &c.AWSProfile },
		Doc:   "Profile of the shared configuration and credentials files.",
	},

	{
		Name: "Index", Group: "address", Default: "fluent-bit",
		Excludes: []Link{
			{Option: "Logstash_Format",
				Why: "contradicts Logstash_Format, which makes the name itself: remove one of them"},
			{Option: "Data_Stream",
				Why: "contradicts Data_Stream, which makes the name itself: remove one of them"},
		},
		field: func(c *Config) any { return &c.Index },
		Doc:   "Index to write to, a [template](#templates).",
	},
	{
		Name: "Logstash_Format", Group: "address", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.LogstashFormat },
		Doc:   "Name indices by prefix, separator and date, as Logstash does: `logstash-2026.11.23`.",
	},
	{
		Name: "Logstash_Prefix", Group: "address", Default: "logstash",
		Needs: needs("Logstash_Format"),
		field: func(c *Config) any { return &c.LogstashPrefix },
		Doc:   "The prefix, a [template](#templates).",
	},
	{
		Name: "Logstash_Prefix_Key", Group: "address",
		Needs: needs("Logstash_Format"),
		field: func(c *Config) any { return &c.LogstashPrefixKey },
		Doc:   "Record accessor of the prefix; a record without it has Logstash_Prefix.",
	},
	{
		Name: "Logstash_Prefix_Separator", Group: "address", Default: "-",
		Needs: needs("Logstash_Format"),
		field: func(c *Config) any { return &c.LogstashSeparator },
		Doc:   "Text between prefix and date.",
	},
	{
		Name: "Logstash_DateFormat", Group: "address", Default: "%Y.%m.%d",
		Needs: needs("Logstash_Format"),
		field: func(c *Config) any { return &c.LogstashDateFormat },
		Doc:   "strftime format of the date, the event's time in UTC.",
	},
	{
		Name: "Data_Stream", Group: "address", Kind: Switch, Default: "off",
		Excludes: []Link{{Option: "Logstash_Format", Why: "contradicts Logstash_Format: switch one of them off"}},
		field:    func(c *Config) any { return &c.DataStream },
		Doc: "Write to the data stream of the next three options, `logs-generic-default`. Documents " +
			"get its name in `data_stream.*`.",
	},
	{
		Name: "Data_Stream_Type", Group: "address", Default: "logs",
		Needs: needs("Data_Stream"),
		field: func(c *Config) any { return &c.DataStreamType },
		Doc:   "First part of the data stream's name, a [template](#templates).",
	},
	{
		Name: "Data_Stream_Dataset", Group: "address", Default: "generic",
		Needs: needs("Data_Stream"),
		field: func(c *Config) any { return &c.DataStreamDataset },
		Doc:   "Second part, a [template](#templates).",
	},
	{
		Name: "Data_Stream_Namespace", Group: "address", Default: "default",
		Needs: needs("Data_Stream"),
		field: func(c *Config) any { return &c.DataStreamNamespace },
		Doc:   "Third part, a [template](#templates).",
	},
	{
		Name: "Pipeline", Group: "address",
		Excludes: []Link{{Option: "Write_Operation", Is: "update upsert delete",
			Why: "works only with Write_Operation create or index: Elasticsearch sends no others through one"}},
		field: func(c *Config) any { return &c.Pipeline },
		Doc: "Ingest pipeline instead of the index's default, a [template](#templates). For an event " +
			"without a value the option is unset; `_none` disables the default pipeline. A chunk " +
			"waits for a missing pipeline; if the name comes from the event, the event is rejected.",
	},
	{
		Name: "Routing", Group: "address",
		field: func(c *Config) any { return &c.Routing },
		Doc: "Value that chooses the shard, a [template](#templates); empty as with Pipeline. A data " +
			"stream needs a template with custom routing.",
	},
	{
		Name: "Write_Operation", Group: "address", Kind: Choice,
		Choices: []string{"create", "index", "update", "upsert", "delete"}, Default: "create",
		Needs: []Link{
			{Option: "Id_Key", Or: "Generate_ID", When: "update upsert",
				Why: "needs Id_Key, which identifies the document"},
			{Option: "Id_Key", When: "delete", Why: "needs Id_Key, which identifies the document"},
		},
		Excludes: []Link{{Option: "Data_Stream", When: "index update upsert delete",
			Why: "must be create with Data_Stream, as Elasticsearch takes nothing else there"}},
		field: func(c *Config) any { return &c.WriteOperation },
		Doc: "Bulk operation. `update` merges fields into the document, `upsert` also creates it, " +
			"`delete` removes it; these need Id_Key (`update` and `upsert` also take Generate_ID). A " +
			"retry may reorder changes of one document.",
	},
	{
		Name: "Id_Key", Group: "address",
		field: func(c *Config) any { return &c.IDKey },
		Doc: "Record accessor of the document's `_id`: text, number or boolean, of at most 512 bytes. " +
			"A record without it is rejected.",
	},
	{
		Name: "Generate_ID", Group: "address", Kind: Switch, Default: "off",
		Excludes: excludes("Id_Key"),
		field:    func(c *Config) any { return &c.GenerateID },
		Doc:      "Give each document an `_id` from tag, time and record, so that retries are idempotent.",
	},
	{
		Name: "Current_Time_Index", Group: "address", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.CurrentTimeIndex },
		Doc: "Use the time of sending in index names, not the event's. Then a retry on another day is " +
			"a duplicate, even with an id.",
	},

	{
		Name: "Time_Key", Group: "document", Default: "@timestamp",
		field: func(c *Config) any { return &c.TimeKey },
		Doc:   "Field for the event's time. A record's own field wins.",
	},
	{
		Name: "Time_Key_Format", Group: "document", Default: "%Y-%m-%dT%H:%M:%S",
		field: func(c *Config) any { return &c.TimeKeyFormat },
		Doc:   "Its strftime format, in UTC; a fraction and `Z` follow.",
	},
	{
		Name: "Time_Key_Nanos", Group: "document", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.TimeKeyNanos },
		Doc:   "Nine digits of a second, not three.",
	},
	{
		Name: "Include_Tag_Key", Group: "document", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.IncludeTagKey },
		Doc:   "Add the tag to each document.",
	},
	{
		Name: "Tag_Key", Group: "document", Default: "flb-key",
		Needs: needs("Include_Tag_Key"), Differs: []string{"Time_Key", "Metadata_Key"},
		field: func(c *Config) any { return &c.TagKey },
		Doc:   "Field for the tag.",
	},
	{
		Name: "Replace_Dots", Group: "document", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.ReplaceDots },
		Doc:   "Write `_` for `.` in keys, at every depth.",
	},
	{
		Name: "Metadata_Key", Group: "document", Default: "metadata",
		Differs: []string{"Time_Key"},
		field:   func(c *Config) any { return &c.MetadataKey },
		Doc: "Field for an event's metadata; OTLP's fields are at the top of the document. `off` drops " +
			"both.",
	},

	{
		Name: "Bulk_Size", Group: "delivery", Kind: Size, Default: "5M", Min: kilobyte, Max: 90 * megabyte,
		field: func(c *Config) any { return &c.BulkSize },
		Doc: "Size of a request before compression. A larger document travels alone. Elasticsearch's " +
			"limit is 100 MB (http.max_content_length).",
	},
	{
		Name: "Retry_Initial", Group: "delivery", Kind: Duration, Default: "500ms",
		Min: int64(time.Millisecond), Max: int64(5 * time.Minute),
		AtMost: "Retry_Max",
		field:  func(c *Config) any { return &c.RetryInitial },
		Doc:    "Mean of the first pause after a failure; it doubles from there, with full jitter.",
	},
	{
		Name: "Retry_Max", Group: "delivery", Kind: Duration, Default: "30s",
		Min: int64(time.Millisecond), Max: int64(5 * time.Minute),
		field: func(c *Config) any { return &c.RetryMax },
		Doc:   "Longest pause.",
	},
	{
		Name: "Retry_Budget", Group: "delivery", Kind: Duration, Default: "5s", Min: 0, Max: int64(time.Minute),
		field: func(c *Config) any { return &c.RetryBudget },
		Doc: "Time of retries without progress in one flush; then the chunk goes back to Fluent Bit " +
			"and its `Retry_Limit`.",
	},
	{
		Name: "Hold_Limit", Group: "delivery", Kind: Duration, Default: "0s", Min: 0, Max: int64(30 * 24 * time.Hour),
		field: func(c *Config) any { return &c.HoldLimit },
		Doc: "Time that records wait for an index that [can't be " +
			"written](delivery.md#when-elasticsearch-itself-is-in-trouble), from the chunk's first " +
			"fault; then On_Rejection and dead-letter options apply. 0 is for ever. With a spool, the " +
			"time continues after a restart.",
	},
	{
		Name: "On_Rejection", Group: "delivery", Kind: Choice, Choices: []string{"drop", "retry"}, Default: "drop",
		Excludes: []Link{
			{Option: "Dead_Letter_Index", When: "retry",
				Why: "contradicts Dead_Letter_Index: a rejected record becomes a dead-letter record, and is not retried"},
			{Option: "Dead_Letter_File", When: "retry",
				Why: "contradicts Dead_Letter_File: a rejected record becomes a dead-letter record, and is not retried"},
		},
		field: func(c *Config) any { return &c.OnRejection },
		Doc: "For a document that Elasticsearch rejects: `drop` counts and logs it, `retry` keeps the " +
			"chunk until the mapping is repaired.",
	},
	{
		Name: "Dead_Letter_Index", Group: "delivery",
		field: func(c *Config) any { return &c.DeadLetterIndex },
		Doc: "Index for rejected records, a [template](#templates) with the date of sending. Each has " +
			"the record as a string, its destination and the reason.",
	},
	{
		Name: "Dead_Letter_File", Group: "delivery",
		Excludes: excludes("Dead_Letter_Index"),
		field:    func(c *Config) any { return &c.DeadLetterFile },
		Doc: "The same in a file (NDJSON, mode 0600), synced before a chunk is done. At 64 MB it is " +
			"rotated to FILE.1; seven are kept.",
	},

	{
		Name: "Spool_Path", Group: "spool",
		field: func(c *Config) any { return &c.SpoolPath },
		Doc: "Folder of the [spool](spool.md): chunks are acknowledged once on disk, and sent in large " +
			"requests across tags. Each output has a folder in it, named by its `Alias`.",
	},
	{
		Name: "Spool_Limit", Group: "spool", Kind: Size, Default: "1G", Min: 16 * megabyte, Max: 1024 * gigabyte,
		Needs: needs("Spool_Path"),
		field: func(c *Config) any { return &c.SpoolLimit },
		Doc:   "Maximum size of the spool; then chunks stay with Fluent Bit.",
	},
	{
		Name: "Spool_Held_Share", Group: "spool", Kind: Percent, Default: "50%", Min: 1, Max: 100, Needs: needs("Spool_Path"),
		Doc: "Share of Spool_Limit for one held destination (index, alias or data stream). Beyond it, " +
			"its chunks stay with Fluent Bit; others are accepted.",
		field: func(c *Config) any { return &c.SpoolHeldShare },
	},
	{
		Name: "Spool_Sync", Group: "spool", Kind: Switch, Default: "off",
		Needs: needs("Spool_Path"),
		field: func(c *Config) any { return &c.SpoolSync },
		Doc:   "Sync the spool before acknowledging a chunk, so that it survives a power cut.",
	},
	{
		Name: "Spool_Linger", Group: "spool", Kind: Duration, Default: "1s", Min: 0, Max: int64(time.Minute),
		Needs: needs("Spool_Path"),
		field: func(c *Config) any { return &c.SpoolLinger },
		Doc:   "Time that the oldest chunk waits for a full request.",
	},

	{
		Name: "Template_File", Group: "set-up",
		Needs: []Link{{Option: "Template_Name", Why: "needs Template_Name (" + unsetVariable + ")"}},
		field: func(c *Config) any { return &c.TemplateFile },
		Doc: "JSON file with an index or component template, installed before the first document. " +
			"Without the privilege, the log has one error, and documents arrive. See " +
			"[templates](templates.md).",
	},
	{
		Name: "Template_Name", Group: "set-up",
		Needs: needs("Template_File"),
		field: func(c *Config) any { return &c.TemplateName },
		Doc:   "The template's name in the cluster. Required with Template_File.",
	},
	{
		Name: "Template_Overwrite", Group: "set-up", Kind: Switch, Default: "off",
		Needs: []Link{{Option: "Template_File", When: "on"}},
		field: func(c *Config) any { return &c.TemplateOverwrite },
		Doc:   "Replace a template of that name that differs from the file.",
	},

	{
		Name: "Trace_Error", Group: "diagnosis", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.TraceError },
		Doc:   "Log Elasticsearch's full reasons, with parts of records.",
	},
	{
		Name: "Trace_Output", Group: "diagnosis", Kind: Switch, Default: "off",
		field: func(c *Config) any { return &c.TraceOutput },
		Doc:   "Log every line sent, up to 4 KB each.",
	},
	{
		Name: "Memory_Limit", Group: "diagnosis", Kind: Size, Min: 16 * megabyte, Max: 64 * gigabyte,
		field: func(c *Config) any { return &c.MemoryLimit },
		Doc: "Soft memory limit of the plugin's Go runtime, for the whole process: all instances, and " +
			"GOMEMLIMIT, must have the same value.",
	},
}
