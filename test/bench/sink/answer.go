package sink

import (
	"fmt"
	"strings"
)

// whole is an item as Elasticsearch 9 writes it without filter_path.
const whole = `{"%s":{"_index":"fluent-bit","_id":"kP1xq5oB7v0a2cVw3yZd","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":104729,"_primary_term":1,"status":201}}`

// appendBulk appends the answer for that many documents to b.
func (a Answers) appendBulk(b []byte, documents int, operation, query string) []byte {
	filtered := strings.Contains(query, "filter_path=")
	if operation == "" {
		return append(b, `{"errors":false,"items":[]}`...)
	}
	item := fmt.Sprintf(whole, operation)
	if filtered {
		item = `{"` + operation + `":{"status":201}}`
	}
	errors := "false"
	if a.RefusedBytes > 0 {
		errors = "true"
		item = a.refused(documents, operation)
	}
	if !filtered {
		b = append(b, `{"took":30,`...)
	} else {
		b = append(b, '{')
	}
	b = append(b, `"errors":`+errors+`,"items":[`...)
	for i := range documents {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	return append(b, "]}"...)
}

// refused is an item with a reason that fills its share of RefusedBytes, as the reason for an
// unreadable long value does.
func (a Answers) refused(documents int, operation string) string {
	const about = `{"%s":{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:48] failed to parse field [n] of type [long]. Preview of field's value: '%s'"}}}`
	share := max(a.RefusedBytes/max(documents, 1)-len(about), 1)
	return fmt.Sprintf(about, operation, strings.Repeat("x", share))
}
