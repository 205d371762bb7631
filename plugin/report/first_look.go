package report

import (
	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
)

// Seen logs the result of the first look.
func (r *Reporter) Seen(s elastic.Sight) {
	switch s.Server.Family {
	case elastic.Foreign:
		r.host.Log(fluentbit.Warn, "first look: %s answers, and is neither Elasticsearch nor OpenSearch as far as it tells: check Hosts; records are sent all the same, and kept until it takes them as Elasticsearch does", s.Host)
	case elastic.Unknown:
		r.host.Log(fluentbit.Info, "first look: %s answers (status %d to GET /), without saying what it is", s.Host, s.Status)
	case elastic.Elasticsearch, elastic.OpenSearch:
		why := ""
		if s.Server.Version == "" {
			why = " (it doesn't tell its version)"
		}
		r.host.Log(fluentbit.Info, "first look: %s answers: %s%s", s.Host, s.Server, why)
	}
}

// NotSeen logs why nothing answered the first look, in the place of the line
// that the first request would be worth.
func (r *Reporter) NotSeen(f *bulk.Failure) { r.complain("first look: ", f) }
