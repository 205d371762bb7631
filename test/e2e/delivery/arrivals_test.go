package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/elasticsearch"
	"out_es/test/faults"
)

// arrivals are an index's documents of a storm.
type arrivals struct {
	storm   *storm
	copies  []int
	sources [][]byte // of those that are there more than once
}

// read reads all documents back.
func (m *storm) read(t *testing.T, s *elasticsearch.Server, index string) *arrivals {
	t.Helper()
	found := &arrivals{storm: m, copies: make([]int, m.records), sources: make([][]byte, m.records)}
	if err := s.Refresh(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	err := s.Documents(t.Context(), index, func(d elasticsearch.Document) error {
		if bytes.Contains(d.Source, []byte(`"n":-1`)) {
			return nil // traffic
		}
		n, err := m.numbered(d.Source)
		if err != nil {
			return err
		}
		if found.copies[n]++; found.copies[n] > 1 {
			found.sources[n] = d.Source
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantOnce checks that every good record is there once, and no other.
func (a *arrivals) wantOnce(t *testing.T) {
	t.Helper()
	a.want(t, func(int) (most int) { return 1 })
}

// wantExplained checks that every good record is there, and at most once more for each time that
// Elasticsearch took it without the plugin being told; and no other record.
func (a *arrivals) wantExplained(t *testing.T, account *faults.Account) {
	t.Helper()
	a.want(t, func(n int) int { return 1 + account.Lost(a.sources[n]) })
	doubles := 0
	for _, copies := range a.copies {
		doubles += max(0, copies-1)
	}
	if doubles > account.LostDocuments() {
		t.Errorf("%d documents too many, and only %d whose answer was lost", doubles, account.LostDocuments())
	}
	t.Logf("%d documents are there more than once, all of them explained", doubles)
}

func (a *arrivals) want(t *testing.T, most func(n int) int) {
	t.Helper()
	var lost, doubled, unwanted []int
	for n, copies := range a.copies {
		switch {
		case a.storm.kinds[n] != good && copies > 0:
			unwanted = append(unwanted, n)
		case a.storm.kinds[n] == good && copies == 0:
			lost = append(lost, n)
		case copies > 1 && copies > most(n):
			doubled = append(doubled, n)
		}
	}
	for what, numbers := range map[string][]int{"lost": lost, "there too often": doubled, "there that should have been refused": unwanted} {
		if len(numbers) > 0 {
			t.Errorf("%d of %d records are %s, such as %v", len(numbers), a.storm.records, what, numbers[:min(10, len(numbers))])
		}
	}
}

// letter is a document of the dead-letter index.
type letter struct {
	RefusedAt time.Time `json:"@timestamp"`
	Index     string
	Tag       string
	EventTime time.Time `json:"event_time"`
	Status    int
	Type      string
	Reason    string
	Document  string
}

// readLetters checks that every record that is not good has one letter, and no other has. index
// begins the name of its index.
func (m *storm) readLetters(t *testing.T, s *elasticsearch.Server, index, dead string) {
	t.Helper()
	if err := s.Refresh(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	letters := map[int]int{}
	err := s.Documents(t.Context(), dead, func(d elasticsearch.Document) error {
		var l letter
		if err := json.Unmarshal(d.Source, &l); err != nil {
			return fmt.Errorf("%w: %s", err, d.Source)
		}
		n, err := m.numbered([]byte(l.Document))
		if err != nil {
			return err
		}
		if !strings.HasPrefix(l.Index, index) || !strings.HasPrefix(l.Tag, "kube.app-") || l.Status != 400 || l.Type == "" || l.Reason == "" ||
			!l.EventTime.Equal(e2e.FirstTime.Add(time.Duration(n/3)*time.Millisecond)) || time.Since(l.RefusedAt) > time.Hour {
			return fmt.Errorf("the letter of record %d says %+v", n, l)
		}
		letters[n]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, kind := range m.kinds {
		if want := map[bool]int{true: 0, false: 1}[kind == good]; letters[n] != want {
			t.Errorf("record %d of kind %d has %d letters, want %d", n, kind, letters[n], want)
		}
	}
}
