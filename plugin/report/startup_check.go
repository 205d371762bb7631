package report

import (
	"out_es/plugin/bulk"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
)

// ServerFound logs the result of the startup check.
func (r *Reporter) ServerFound(s elastic.Info) {
	switch s.Server.Family {
	case elastic.Foreign:
		r.host.Log(fluentbit.Warn, "startup check: %s answers, but does not identify as Elasticsearch or OpenSearch: check Hosts; records are sent anyway, and kept until it accepts them as Elasticsearch does", s.Host)
	case elastic.Unknown:
		r.host.Log(fluentbit.Info, "startup check: %s answers (status %d to GET /), without identifying itself", s.Host, s.Status)
	case elastic.Elasticsearch, elastic.OpenSearch:
		why := ""
		if s.Server.Version == "" {
			why = " (it doesn't tell its version)"
		}
		r.host.Log(fluentbit.Info, "startup check: %s answers: %s%s", s.Host, s.Server, why)
	}
}

// NoServerFound logs why nothing answered the startup check, in the place of the line
// that the first request would be worth.
func (r *Reporter) NoServerFound(f *bulk.Failure) { r.logFailure("startup check: ", f) }
