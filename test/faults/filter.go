package faults

import (
	"net/url"
	"strings"
)

// filter is a filter_path: patterns of dotted names, in which `*` stands for one name.
// (Elasticsearch has more: `**`, part of a name, and exclusion; no client of this proxy uses them.)
// An empty filter keeps everything.
type filter [][]string

func filterOf(query url.Values) filter {
	var f filter
	for _, list := range query["filter_path"] {
		for pattern := range strings.SplitSeq(list, ",") {
			f = append(f, strings.Split(pattern, "."))
		}
	}
	return f
}

// apply returns the part of value that the patterns keep, nil for nothing. Arrays add no name.
func (f filter) apply(value any) any {
	if len(f) == 0 {
		return value
	}
	switch v := value.(type) {
	case []any:
		var kept []any
		for _, element := range v {
			if part := f.apply(element); part != nil {
				kept = append(kept, part)
			}
		}
		if kept == nil {
			return nil
		}
		return kept
	case map[string]any:
		kept := map[string]any{}
		for name, member := range v {
			if part := f.member(name, member); part != nil {
				kept[name] = part
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	}
	return nil // the patterns are longer than the value is deep
}

func (f filter) member(name string, value any) any {
	var rest filter
	for _, pattern := range f {
		if pattern[0] != name && pattern[0] != "*" {
			continue
		}
		if len(pattern) == 1 {
			return value
		}
		rest = append(rest, pattern[1:])
	}
	if rest == nil {
		return nil
	}
	return rest.apply(value)
}
