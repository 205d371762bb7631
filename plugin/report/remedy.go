package report

import (
	"out_es/plugin/bulk"
	"out_es/plugin/template"
)

// templateRemedy is the advice for a template that was not installed.
func templateRemedy(t *template.Template, f *bulk.Failure) string {
	if f.Class == bulk.BadRequest {
		return "correct Template_File and restart"
	}
	return "give the user or key the cluster privilege manage_index_templates, or install Template_File by hand (PUT /" +
		t.Kind.Path() + "/" + t.Name + "), then remove the option"
}
