package replay

import (
	"fmt"
	"strings"
	"time"

	"out_es/lint/sections"
)

// Selection says which records are replayed; its zero value, all.
type Selection struct {
	// Index, Type and Tag are patterns, with * for any number of characters; "" for any.
	Index, Type, Tag string
	// Since and Until bound the time at which a record was rejected.
	Since, Until time.Time
}

// ParseSelection reads index=…,type=…,tag=…,since=…,until=…. A time is one of RFC 3339, a date, or
// a duration before now such as 2h.
//
// Possible errors: an unknown name; a time that is none.
func ParseSelection(text string, now time.Time) (s Selection, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "index":
			s.Index = value
		case "type":
			s.Type = value
		case "tag":
			s.Tag = value
		case "since":
			s.Since, err = parseTime(value, now)
		case "until":
			s.Until, err = parseTime(value, now)
		default:
			return s, fmt.Errorf("--select %q: must be index=, type=, tag=, since= or until=", part)
		}
		if err != nil {
			return s, fmt.Errorf("--select %s: %w", part, err)
		}
	}
	return s, nil
}

func parseTime(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("must be a time such as 2026-11-28T06:00:00Z, a date, or a duration before now such as 2h")
}

func (s *Selection) wants(l *deadLetter) bool {
	matches := func(pattern, text string) bool { return pattern == "" || sections.Match(pattern, text) }
	return matches(s.Index, l.Index) && matches(s.Type, l.Type) && matches(s.Tag, l.Tag) &&
		(s.Since.IsZero() || !l.RejectedAt.Before(s.Since)) && (s.Until.IsZero() || l.RejectedAt.Before(s.Until))
}
