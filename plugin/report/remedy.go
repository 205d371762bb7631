package report

import (
	"net/http"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/template"
)

// templateRemedy says what to do about a template that was not installed.
func templateRemedy(t *template.Template, f *bulk.Failure) string {
	if f.Class == bulk.Illegal {
		return "mend Template_File and restart"
	}
	return "give the user or key the cluster privilege manage_index_templates, or install Template_File by hand (PUT /" +
		t.Kind.Path() + "/" + t.Name + "), then remove the option"
}

// keptOutRemedy says what to do about documents that settings keep out: those
// of bulk.Misconfigured.
func keptOutRemedy(m *deliver.Misconfiguration) string {
	if m.Status == http.StatusForbidden {
		return "give the user or key the privileges in docs/security.md"
	}
	return "make that pipeline, or correct Pipeline, or default_pipeline and final_pipeline in the index's settings"
}
