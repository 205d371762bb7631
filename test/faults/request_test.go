package faults

import (
	"encoding/json"
	"net/url"
	"reflect"
	"testing"
)

func TestSplitAndJoin(t *testing.T) {
	for _, test := range []struct {
		name, text string
		items      int
		wrong      bool
	}{
		{"create", "{\"create\":{}}\n{\"a\":1}\n", 1, false},
		{"delete has no document", "{\"delete\":{\"_id\":\"x\"}}\n{\"index\":{}}\n{}\n", 2, false},
		{"no end of line", "{\"create\":{}}\n{\"a\":1}", 0, true},
		{"no document", "{\"create\":{}}\n", 0, true},
		{"no action", "text\n{}\n", 0, true},
		{"two operations", "{\"create\":{},\"index\":{}}\n{}\n", 0, true},
		{"nothing", "", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			items, err := split([]byte(test.text))
			if (err != nil) != test.wrong || len(items) != test.items {
				t.Fatalf("%d items, %v", len(items), err)
			}
			if err == nil && string(join(items)) != test.text {
				t.Errorf("joined again it is %q", join(items))
			}
		})
	}
}

func TestFilterPath(t *testing.T) {
	const whole = `{"errors":true,"took":1,"items":[{"create":{"_index":"a","status":429,"error":{"type":"t","reason":"r"}}}]}`
	for _, test := range []struct{ filter, want string }{
		{"", whole},
		{"errors", `{"errors":true}`},
		{"errors,items.*.status", `{"errors":true,"items":[{"create":{"status":429}}]}`},
		{"items.*.error.type", `{"items":[{"create":{"error":{"type":"t"}}}]}`},
		{"items.index.status", `null`},
		{"nothing", `null`},
	} {
		query := url.Values{}
		if test.filter != "" {
			query.Set("filter_path", test.filter)
		}
		var got, want any
		_ = json.Unmarshal([]byte(whole), &got)
		_ = json.Unmarshal([]byte(test.want), &want)
		if got := filterOf(query).apply(got); !reflect.DeepEqual(got, want) {
			t.Errorf("%q keeps %v, want %v", test.filter, got, want)
		}
	}
}
