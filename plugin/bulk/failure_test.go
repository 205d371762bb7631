package bulk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"out_es/plugin/bulk"
)

// TestClassOf has a row for each of the request rows of "What Elasticsearch's
// answers mean" in docs/architecture.md.
func TestClassOf(t *testing.T) {
	const own, page = bulk.FromElasticsearch, bulk.FromElsewhere
	for _, c := range []struct {
		status int
		origin bulk.Origin
		want   bulk.Class
	}{
		{200, own, bulk.Ambiguous},
		{202, page, bulk.Ambiguous},
		{204, page, bulk.Ambiguous},
		{408, own, bulk.Unavailable},
		{408, page, bulk.Unavailable},
		{429, own, bulk.Throttled},
		{429, page, bulk.Throttled},
		{500, own, bulk.Unavailable},
		{501, own, bulk.Misconfigured},
		{502, page, bulk.Unavailable},
		{503, own, bulk.Unavailable},
		{504, page, bulk.Unavailable},
		{413, own, bulk.Oversized},
		{413, page, bulk.Oversized},
		{400, own, bulk.BadRequest},
		{400, page, bulk.Misconfigured},
		{401, own, bulk.Misconfigured},
		{403, own, bulk.Misconfigured},
		{404, own, bulk.Misconfigured},
		{405, own, bulk.Misconfigured},
		{406, own, bulk.Misconfigured},
		{407, page, bulk.Misconfigured},
		{415, own, bulk.Misconfigured},
		{301, page, bulk.Misconfigured},
		{302, page, bulk.Misconfigured},
		{304, page, bulk.Misconfigured},
	} {
		if got := bulk.ClassOf(c.status, c.origin); got != c.want {
			t.Errorf("status %d, origin %d: %v, want %v", c.status, c.origin, got, c.want)
		}
	}
}

func TestEveryClassHasItsName(t *testing.T) {
	names := bulk.ClassNames()
	if len(names) != int(bulk.Canceled)+1 || slices.Contains(names, "") {
		t.Errorf("names %q", names)
	}
	for class, name := range names {
		if got := bulk.Class(class).String(); got != name {
			t.Errorf("%q calls itself %q", name, got)
		}
	}
}

func TestFailureTexts(t *testing.T) {
	reset := errors.New("connection reset by peer")
	for want, f := range map[string]*bulk.Failure{
		"unreachable: connection reset by peer": {Class: bulk.Unreachable, Err: reset},
		"throttled: status 429":                 {Class: bulk.Throttled, Status: 429},
		"misconfigured: status 401, security_exception: unable to authenticate user [a] (check HTTP_User)": {
			Class: bulk.Misconfigured, Status: 401, Type: "security_exception", Reason: "unable to authenticate user [a]", Remedy: "check HTTP_User"},
	} {
		if got := f.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !errors.Is(fmt.Errorf("x: %w", &bulk.Failure{Err: reset}), reset) {
		t.Error("the cause can't be found")
	}
	f := &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "x", Reason: "Validation Failed: 1: id [SECRET] is too long, must be no longer than 512 bytes but was: 600;"}
	if strings.Contains(f.Error(), "SECRET") {
		t.Errorf("%q repeats an id", f.Error())
	}
}
