package bulk

import (
	"regexp"
	"strings"
)

// Elasticsearch's reasons quote the record: "failed to parse field [x] of type
// [long] in document with id 'a'. Preview of field's value: 'secret'". What is
// kept of them is what names the mapping.
var (
	// A value stands in quotes, or in brackets without one of the words in
	// front of them that announce a name or a number.
	quoted   = regexp.MustCompile(`'[^']*'?|"[^"]*"?`)
	brackets = regexp.MustCompile(`(?:\b(field|type|mapper|mapping for|index|pipeline with id|limit of|depth of) )?\[([^\[\]]*)\]`)
	position = regexp.MustCompile(`^\d+:\d+$`)
	preview  = regexp.MustCompile(`(?i)\.? ?(preview of field's value|prefix of the first immense term is|for input string|first immense term).*`)
)

// Redact cuts out of an error's reason what may come from a record: previews,
// ids, quoted text. It keeps the names of fields and types.
func Redact(reason string) string {
	reason = preview.ReplaceAllString(reason, "")
	reason = brackets.ReplaceAllStringFunc(reason, func(m string) string {
		parts := brackets.FindStringSubmatch(m)
		if parts[1] != "" || position.MatchString(parts[2]) {
			return m
		}
		return "[…]"
	})
	reason = quoted.ReplaceAllString(reason, "'…'")
	const longest = 300
	if len(reason) > longest {
		reason = strings.ToValidUTF8(reason[:longest], "") + "…"
	}
	return reason
}
