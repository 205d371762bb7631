package bulk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// FilterPath keeps one small object an item in the answer, in order. status
// must be in it: without, accepted items vanish and with them the positions.
var FilterPath = []string{"errors", "items.*.status", "items.*.error.type", "items.*.error.reason", "items.*.failure_store"}

// Item is what the answer says about one item. Its slices are valid until the
// callback that gets it returns, and hold 1 KB of text at the most.
type Item struct {
	// Status is the item's HTTP status, 0 where the answer has none.
	Status       int
	Type         []byte
	Reason       []byte
	FailureStore []byte
}

// ErrIncomplete means that an answer ended before its JSON did: the items that
// were read are whole, those behind them are unknown.
var ErrIncomplete = errors.New("bulk: the answer is cut off")

// AnswerReader reads answers as streams. It holds about 20 KB, allocates
// nothing an item, and is not safe for concurrent use.
type AnswerReader struct {
	scan scanner
	kind [64]byte
	why  [textBytes]byte
	kept [32]byte
}

// Read reads an answer of 200 from body and calls each for every item, in
// order. It returns the number of items; those that came before an error were
// whole.
//
// Possible errors: ErrIncomplete; ErrAnswerSize; an error of body; an error
// for what is not a bulk answer, such as a proxy's HTML.
func (a *AnswerReader) Read(body io.Reader, each func(Item)) (items int, err error) {
	s := &a.scan
	s.reset(body)
	if err := s.expect('{'); err != nil {
		return 0, cutOff(err)
	}
	found := false
	err = s.object(func(key []byte) error {
		if string(key) != "items" || found {
			c, err := s.token()
			if err != nil {
				return err
			}
			return s.skip(c, 1)
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

// field reads one field of an item into it.
func (a *AnswerReader) field(item *Item, key []byte) error {
	s := &a.scan
	name := fieldNames[string(key)]
	c, err := s.token()
	if err != nil {
		return err
	}
	switch {
	case name == statusName:
		item.Status, err = s.number(c)
		return err
	case name == failureStoreName && c == '"':
		item.FailureStore, err = s.copyText(a.kept[:])
		return err
	case name == errorName && c == '"':
		item.Reason, err = s.copyText(a.why[:])
		return err
	case name == errorName && c == '{':
		return s.object(func(key []byte) error { return a.errorField(item, key) })
	}
	return s.skip(c, 3)
}

func (a *AnswerReader) errorField(item *Item, key []byte) error {
	s := &a.scan
	name := fieldNames[string(key)]
	c, err := s.token()
	if err != nil {
		return err
	}
	switch {
	case name == typeName && c == '"':
		item.Type, err = s.copyText(a.kind[:])
		return err
	case name == reasonName && c == '"':
		item.Reason, err = s.copyText(a.why[:])
		return err
	}
	return s.skip(c, 4)
}

// The fields of an item that are read.
const (
	statusName = iota + 1
	errorName
	failureStoreName
	typeName
	reasonName
)

var fieldNames = map[string]int{
	"status": statusName, "error": errorName, "failure_store": failureStoreName,
	"type": typeName, "reason": reasonName,
}

// copyText consumes a string into dst, as much as fits, cut at a character.
func (s *scanner) copyText(dst []byte) ([]byte, error) {
	text, err := s.string()
	if err != nil {
		return nil, err
	}
	n := copy(dst, text)
	return bytes.ToValidUTF8(dst[:n], nil), nil
}

// number consumes a value and returns it where it is a whole number.
func (s *scanner) number(first byte) (int, error) {
	if first == '"' || first == '{' || first == '[' {
		return 0, s.skip(first, 3)
	}
	return s.atom(first)
}

// atomValue checks that text is a JSON number, true, false or null.
func atomValue(text []byte) (int, error) {
	if n, err := strconv.Atoi(string(text)); err == nil && text[0] != '+' && (text[0] != '0' || len(text) == 1) && len(text) <= 9 {
		return n, nil
	}
	if !json.Valid(text) {
		return 0, errSyntax
	}
	return 0, nil
}
