package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// FilterPath keeps one small object an item in the answer, in order. status
// must be in it: without, accepted items vanish and with them the positions.
var FilterPath = []string{"errors", "items.*.status", "items.*.error.type", "items.*.error.reason", "items.*.error.caused_by.type", "items.*.error.caused_by.reason", "items.*.failure_store"}

// Item is one item of an answer. Its slices are valid until the callback returns, and hold at most
// 1 KB of text.
type Item struct {
	// Status is the item's HTTP status, 0 where the answer has none.
	Status       int
	Type         []byte
	Reason       []byte
	FailureStore []byte
	// CauseType and Cause are the error behind the error, as far as the server names one.
	CauseType, Cause []byte
}

var (
	// ErrIncomplete means that an answer ended before its JSON did: the items
	// that were read are whole, those behind them are unknown.
	ErrIncomplete = errors.New("bulk: the answer is cut off")
	// ErrForeign means that the answer is not a JSON object: a proxy's page, not an answer of
	// Elasticsearch's.
	ErrForeign = errors.New("bulk: the answer is not Elasticsearch's")
)

// AnswerReader reads answers as streams. It holds about 20 KB, allocates
// nothing an item, and is not safe for concurrent use.
type AnswerReader struct {
	scan scanner
	kind [64]byte
	why  [textBytes]byte
	kept [32]byte
	// causeKind and cause are those of the error behind the error.
	causeKind [64]byte
	cause     [causeBytes]byte
}

// causeBytes is how much of a cause's reason is read: its fixed part comes first.
const causeBytes = 512

// Read reads an answer of 200 from body and calls each for every item, in order. It returns the
// number of items; those before an error were whole. Bytes behind the answer are not read.
//
// Possible errors: ErrForeign; ErrIncomplete; ErrAnswerSize; an error of body; an error for JSON
// that is no bulk answer, and for a second "items", since the items of the first are out already.
func (a *AnswerReader) Read(body io.Reader, each func(Item)) (items int, err error) {
	s := &a.scan
	s.reset(body)
	first, err := s.token()
	if err != nil {
		return 0, cutOff(err)
	}
	if first != '{' {
		return 0, ErrForeign
	}
	found := false
	err = s.object(func(key []byte) error {
		if string(key) != "items" {
			return s.skipNext(1)
		}
		if found {
			return errSyntax
		}
		found = true
		if err := s.expect('['); err != nil {
			return err
		}
		return s.each(']', func(first byte) error {
			item, err := a.item(first)
			if err != nil {
				return err
			}
			items++
			each(item)
			return nil
		})
	})
	if err == nil && !found {
		return 0, fmt.Errorf("%w: it has no items", errSyntax)
	}
	return items, cutOff(err)
}

func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	return err
}

// item reads {"create":{…}}, of which the '{' was consumed. An accepted
// document, compact as Elasticsearch writes it, is taken in one comparison.
func (a *AnswerReader) item(first byte) (Item, error) {
	s := &a.scan
	if first != '{' {
		return Item{}, errSyntax
	}
	if s.literal(`"create":{"status":201}}`) || s.literal(`"index":{"status":201}}`) {
		return Item{Status: 201}, nil
	}
	var item Item
	actions := 0
	err := s.object(func([]byte) error {
		actions++
		if err := s.expect('{'); err != nil {
			return err
		}
		return s.object(func(key []byte) error { return a.field(&item, key) })
	})
	if err == nil && actions != 1 {
		err = errSyntax
	}
	return item, err
}

// field reads one field of an item into it. Of a field that comes twice the
// last counts, as in encoding/json.
func (a *AnswerReader) field(item *Item, key []byte) error {
	s := &a.scan
	switch string(key) {
	case "status":
		c, err := s.token()
		if err == nil {
			item.Status, err = s.number(c)
		}
		return err
	case "failure_store":
		return s.textOr(a.kept[:], &item.FailureStore)
	case "error":
		return a.error(item)
	}
	return s.skipNext(3)
}

// vague is the whole reason that Elasticsearch 7 and OpenSearch give for faults
// that they have no words for, such as the limit of fields: the words are those of the cause.
const vague = "failed to parse"

// error reads an item's error: an object, or, from old servers, its reason.
func (a *AnswerReader) error(item *Item) error {
	s := &a.scan
	c, err := s.token()
	switch {
	case err != nil:
		return err
	case c == '"':
		item.Reason, err = s.copyText(a.why[:])
		return err
	case c != '{':
		return s.skip(c, 3)
	}
	return s.object(func(key []byte) error {
		switch string(key) {
		case "type":
			return s.textOr(a.kind[:], &item.Type)
		case "reason":
			return s.textOr(a.why[:], &item.Reason)
		case "caused_by":
			return a.readCause(item)
		}
		return s.skipNext(4)
	})
}

// readCause reads the cause of an error. Behind a vague reason, which is in a.why, it is the reason
// itself.
func (a *AnswerReader) readCause(item *Item) error {
	s := &a.scan
	c, err := s.token()
	if err != nil {
		return err
	}
	if c != '{' {
		return s.skip(c, 4)
	}
	isVague := string(item.Reason) == vague
	return s.object(func(key []byte) error {
		switch {
		case string(key) == "type" && !isVague:
			return s.textOr(a.causeKind[:], &item.CauseType)
		case string(key) == "reason" && !isVague:
			return s.textOr(a.cause[:], &item.Cause)
		case string(key) != "reason" || len(item.Reason) != len(vague):
			return s.skipNext(5)
		}
		n := copy(a.why[len(vague):], ": ") + len(vague)
		var cause []byte
		if err := s.textOr(a.why[n:], &cause); err != nil || len(cause) == 0 {
			return err
		}
		item.Reason = append(a.why[:n], cause...)
		return nil
	})
}

// textOr consumes a value into dst and sets text to it, where it is a string.
func (s *scanner) textOr(dst []byte, text *[]byte) error {
	c, err := s.token()
	if err != nil {
		return err
	}
	if c != '"' {
		return s.skip(c, 4)
	}
	*text, err = s.copyText(dst)
	return err
}

// copyText consumes a string into dst, as much as fits, cut at a character.
func (s *scanner) copyText(dst []byte) ([]byte, error) {
	text, err := s.string()
	if err != nil {
		return nil, err
	}
	text = dst[:copy(dst, text)]
	if utf8.Valid(text) {
		return text, nil
	}
	return bytes.ToValidUTF8(text, nil), nil // rare, so that it may allocate
}

// number consumes a value and returns it where it is a whole number, else 0.
func (s *scanner) number(first byte) (int, error) {
	if first == '"' || first == '{' || first == '[' {
		return 0, s.skip(first, 3)
	}
	return s.atom(first)
}
