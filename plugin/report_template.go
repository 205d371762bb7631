package plugin

import (
	"out_es/plugin/bulk"
	"out_es/plugin/fluentbit"
	"out_es/plugin/template"
)

// template tells once what became of Template_File.
func (r *report) template(t *template.Template, result template.Result, f *bulk.Failure) {
	switch result {
	case template.Installed:
		r.host.Log(fluentbit.Info, "the %s %s was installed; it counts for indices that are made from now on", t.Kind, t.Name)
	case template.Same:
		r.host.Log(fluentbit.Info, "the %s %s is there already, as in Template_File", t.Kind, t.Name)
	case template.Present:
		r.host.Log(fluentbit.Info, "the %s %s is there already and is left as it is, though it may differ from Template_File; Template_Overwrite replaces it", t.Kind, t.Name)
	case template.Missing:
		r.host.Log(fluentbit.Error, "the %s %s was not installed: %v; records are sent without it: %s", t.Kind, t.Name, f, templateRemedy(t, f))
	}
}

// templateRemedy says what to do about a template that was not installed.
func templateRemedy(t *template.Template, f *bulk.Failure) string {
	byHand := "install Template_File by hand (PUT /" + t.Kind.Path() + "/" + t.Name + "), then remove the option"
	if f.Class == bulk.Illegal {
		return "mend Template_File and restart"
	}
	return "give the user or key the cluster privilege manage_index_templates, or " + byHand
}
