package elastic

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	jsoniter "github.com/json-iterator/go"

	"out_es/plugin/bulk"
	"out_es/plugin/template"
)

// FindTemplate implements template.Cluster.
func (c *Client) FindTemplate(ctx context.Context, kind template.Kind, name string) (template.Found, *bulk.Failure) {
	var request esapi.Request
	list, body := "index_templates", "index_template"
	if kind == template.Component {
		list, body = "component_templates", "component_template"
	}
	filter := []string{list + ".name", list + "." + body + "._meta." + template.MarkKey}
	request = esapi.IndicesGetIndexTemplateRequest{Name: name, FilterPath: filter}
	if kind == template.Component {
		request = esapi.ClusterGetComponentTemplateRequest{Name: []string{name}, FilterPath: filter}
	}
	answer, failure := c.ask(ctx, request)
	if failure != nil && failure.Status == http.StatusNotFound && failure.Type != "" {
		return template.Found{}, nil // Elasticsearch's own 404, not a proxy's
	}
	if failure != nil {
		return template.Found{}, failure
	}
	first := jsoniter.Get(answer, list, 0)
	if first.Get("name").ToString() != name {
		return template.Found{}, &bulk.Failure{Class: bulk.Misconfigured, Status: http.StatusOK, Remedy: c.foreignRemedy(new(attempt))}
	}
	return template.Found{Exists: true, Mark: first.Get(body, "_meta", template.MarkKey).ToString()}, nil
}

// PutTemplate implements template.Cluster.
func (c *Client) PutTemplate(ctx context.Context, t *template.Template, p template.Precedence) *bulk.Failure {
	create := p == template.KeepExisting
	body := bytes.NewReader(t.Body)
	var request esapi.Request = esapi.IndicesPutIndexTemplateRequest{Name: t.Name, Body: body, Create: &create}
	if t.Kind == template.Component {
		request = esapi.ClusterPutComponentTemplateRequest{Name: t.Name, Body: body, Create: &create}
	}
	answer, failure := c.ask(ctx, request)
	if failure != nil {
		return failure
	}
	switch acknowledged := jsoniter.Get(answer, "acknowledged"); {
	case acknowledged.ValueType() != jsoniter.BoolValue:
		return &bulk.Failure{Class: bulk.Misconfigured, Status: http.StatusOK, Remedy: c.foreignRemedy(new(attempt))}
	case !acknowledged.ToBool(): // the cluster is slow to apply it: the next look finds it
		return &bulk.Failure{Class: bulk.Unavailable, Status: http.StatusOK}
	}
	return nil
}

// ask makes one small request and returns its answer, which is 2xx and has at most errorBytes.
func (c *Client) ask(ctx context.Context, request esapi.Request) ([]byte, *bulk.Failure) {
	ctx, attempt := withAttempt(ctx)
	response, err := request.Do(ctx, c.api)
	if err != nil {
		failure := c.transportFailure(err, attempt)
		failure.Class = bulk.Unreachable // also if a proxy refused to connect: that is no answer about templates
		return nil, failure
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return nil, c.answerFailure(response.StatusCode, response.Header.Get("Retry-After"), response.Body, attempt)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, errorBytes))
	if err != nil {
		return nil, c.readFailure(err, attempt)
	}
	return answer, nil
}
