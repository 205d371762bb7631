package bulk

import (
	"strings"
)

// quotations are phrases of Elasticsearch and Lucene before a part of the record that is quoted up
// to the end of the reason, often without a closing mark.
var quotations = []string{
	"Preview of field's value", "The prefix of the first immense term", "For input string",
	"at [Source:", "[Source:", "source[", "request: [", "against source:",
}

// announcements are, for each opening, the words in front of a name that
// belongs to the mapping, to the cluster or to its security, not to a record.
var announcements = map[byte][]string{
	'[': {
		"field ", "Field ", "alias ", "type ", "mapper ", "mapping ", "mapping for ",
		"introduction of ", "within ", "] to ", "of type object but found ", "cast to ", "path ", "The ", "whitespace: ",
		"total fields ", "depth ", "index ", "index name ", "] and ", "pipeline with id ", "blocked by: ",
		"action ", "user ", "API key id ", "roles ", "indices ", "privileges ", "line ", "contains an unknown parameter ",
	},
	'\'': {"Duplicate field "},
	'"':  {"in field="},
}

const (
	// reasonBytes is how much of a reason is looked at, and how much is left
	// of it at most.
	reasonBytes   = textBytes
	redactedBytes = 300
)

// RedactOf is Redact for a reason of that type of error. Reasons of security stay unchanged:
// action, user, roles and index are the cluster's, and "no permissions for […]" is useless.
func RedactOf(kind, reason string) string {
	switch kind {
	case securityException:
		return cut(reason, redactedBytes)
	case unavailableShards:
		reason, _, _ = strings.Cut(reason, ", request:") // in front of it are the index's name and a number
		return cut(reason, redactedBytes)
	}
	return Redact(reason)
}

// withoutPositions leaves out Jackson's line and column, such as "[1:208] ", since documents that
// fail for the same reason would not be counted together. (Package regexp would be 0.2 MB of the
// .so.)
func withoutPositions(reason string) string {
	const digits = "0123456789"
	var out strings.Builder
	for {
		before, after, found := strings.Cut(reason, "[")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		line, rest, hasColumn := strings.Cut(after, ":")
		column, rest, isClosed := strings.Cut(rest, "]")
		if !hasColumn || !isClosed || line == "" || column == "" || strings.Trim(line, digits) != "" || strings.Trim(column, digits) != "" {
			out.WriteByte('[')
			reason = after
			continue
		}
		reason = strings.TrimPrefix(rest, " ")
	}
}

// AppendReason appends the reason of an item's error, with the cause that the server gives. Both
// may quote the document.
func AppendReason(dst []byte, item Item) []byte {
	dst = append(dst, item.Reason...)
	if len(item.CauseType) == 0 {
		return dst
	}
	dst = append(append(dst, causedBy...), item.CauseType...)
	if len(item.Cause) == 0 {
		return dst
	}
	return append(append(dst, ": "...), item.Cause...)
}

const causedBy = ", caused by "

// RedactedReason is AppendReason without texts that may come from a record.
func RedactedReason(item Item) string {
	reason := RedactOf(string(item.Type), string(item.Reason))
	if len(item.CauseType) == 0 {
		return reason
	}
	reason += causedBy + string(item.CauseType)
	if cause := Redact(string(item.Cause)); cause != "" {
		reason += ": " + cause
	}
	return reason
}

// Redact removes texts that may come from a record from an error's reason: previews, ids,
// quotations. It removes everything in brackets, parentheses and quotes that is not announced as a
// name. Names of fields and types stay.
func Redact(reason string) string {
	reason = withoutPositions(cut(reason, reasonBytes))
	for _, words := range quotations {
		switch at := strings.Index(reason, words); {
		case at > 0:
			reason = reason[:at]
		case at == 0:
			reason = words // it is the whole reason
		}
	}
	reason = strings.TrimRight(reason, " .:,\n")
	var out strings.Builder
	for i := 0; i < len(reason); {
		end, name := enclosed(reason, i)
		switch {
		case end == i:
			out.WriteByte(reason[i])
			end++
		case name:
			out.WriteString(reason[i:end])
		default:
			opening := reason[i : i+1]
			out.WriteString(opening + "…" + closings[opening])
		}
		i = end
	}
	return cut(out.String(), redactedBytes)
}

var closings = map[string]string{"[": "]", "(": ")", "'": "'", `"`: `"`}

// enclosed returns the end of the name or value that opens at i, and i itself if nothing opens. A
// name ends at its own closing. A value may hold any number of those, so it ends at the last one.
func enclosed(reason string, i int) (end int, name bool) {
	closing := closings[reason[i:i+1]]
	apostrophe := closing == "'" && i > 0 && isLetter(reason[i-1]) // can't, field's
	if closing == "" || apostrophe {
		return i, false
	}
	if announced(reason[:i], reason[i]) {
		end := matching(reason, i, closing[0])
		if end > 0 && (!strings.HasSuffix(reason[:i], "line ") || isNumber(reason[i+1:end-1])) {
			return end, true
		}
	}
	if last := strings.LastIndex(reason, closing); last > i {
		return last + 1, false
	}
	return len(reason), false
}

// isNumber reports whether text is a line's number, and not the line.
func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// announced reports whether the text in an opening behind text is a name. Elasticsearch's "failed
// to parse date field [x]" quotes a value, although it says "field".
func announced(text string, opening byte) bool {
	if strings.HasSuffix(text, "date field ") {
		return false
	}
	for _, words := range announcements[opening] {
		if strings.HasSuffix(text, words) {
			return true
		}
	}
	return false
}

// matching returns the rest behind the closing of the opening at i, 0 for none.
func matching(text string, i int, closing byte) int {
	depth := 0
	for at := i; at < len(text); at++ {
		switch {
		case text[at] == closing && (depth == 1 || at > i && text[i] == closing):
			return at + 1
		case text[at] == closing && at > i:
			depth--
		case text[at] == text[i]:
			depth++
		}
	}
	return 0
}

// cut shortens text at a character.
func cut(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}
