package delivery

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"out_es/test/e2e"
	"out_es/test/host"
)

// kind is the intended fate of a record of a storm.
type kind uint8

const (
	good   kind = iota
	poison      // a field that the mapping refuses
	guilty      // the proxy refuses a whole request for its sake
)

// storm is the material of one randomised run, all of it made from the seed.
type storm struct {
	seed    uint64
	records int
	chunks  []tagged
	kinds   []kind

	// feed hands out the chunks at its own pace; nil: all at once. busy are the indices that the
	// proxy throttles.
	feed func(queue chan<- tagged)
	busy *busyIndices
	// drained waits until nothing is on its way any more; nil where the flushes' answers say so.
	drained func()
}

type tagged struct {
	tag  string
	data []byte
}

// traffic is one healthy record that comes again and again beside a storm, as a node's other logs
// do. Without it a record for which whole requests are refused waits: that it is the record's fault
// shows only while others are accepted (docs/delivery.md).
var traffic = func() tagged {
	var c host.Chunk
	if err := c.AddJSON(e2e.FirstTime, []byte(trafficRecord)); err != nil {
		panic(err)
	}
	return tagged{"traffic", c.Bytes}
}()

const (
	trafficRecord = `{"n":-1,"message":"traffic","to":9}`
	trafficPause  = 100 * time.Millisecond
)

// stormIndices is the number of indices that the records' field to stands for, where an output uses
// it.
const stormIndices = 6

// Shares of the records that are not good, in a thousand.
const (
	poisonShare = 10
	guiltyShare = 2
)

// newStorm makes the records and cuts them into chunks of up to so many, of several tags and both
// layouts.
func newStorm(t testing.TB, seed uint64, records, chunkRecords int) *storm {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 11))
	s := &storm{seed: seed, records: records, kinds: make([]kind, records)}
	for n := 0; n < records; {
		c := host.Chunk{Layout: host.Layout(random.IntN(2))}
		for end := min(records, n+1+random.IntN(chunkRecords)); n < end; n++ {
			switch draw := random.IntN(1000); {
			case draw < poisonShare:
				s.kinds[n] = poison
			case draw < poisonShare+guiltyShare:
				s.kinds[n] = guilty
			}
			if err := c.AddJSON(e2e.FirstTime.Add(time.Duration(n/3)*time.Millisecond), []byte(s.record(n))); err != nil {
				t.Fatal(err)
			}
		}
		s.chunks = append(s.chunks, tagged{fmt.Sprintf("kube.app-%d", random.IntN(7)), c.Bytes})
	}
	return s
}

// record is the nth record, which the seed and n decide.
func (s *storm) record(n int) string {
	switch s.kinds[n] {
	case poison:
		return fmt.Sprintf(`{"n":%d,"to":%d,"code":"poison %d","message":%q}`, n, n%stormIndices, n, s.message(n))
	case guilty:
		return fmt.Sprintf(`{"n":%d,"to":%d,"guilty":true,"message":%q}`, n, n%stormIndices, s.message(n))
	}
	return fmt.Sprintf(`{"n":%d,"to":%d,"code":%d,"message":%q,"kubernetes":{"pod_name":"pod-%d","labels":{"app":"checkout"}}}`, n, n%stormIndices, n%7, s.message(n), n%13)
}

// message is a text by which a document is known to be the nth, and not mixed with another.
func (s *storm) message(n int) string {
	random := rand.New(rand.NewPCG(s.seed, uint64(n)+1000))
	return fmt.Sprintf("record %d of %d %s", n, s.seed, strings.Repeat(fmt.Sprintf("%x <&> \"é\" ", random.Uint32()), 1+random.IntN(12)))
}

// count is how many records are of a kind.
func (s *storm) count(k kind) (n int) {
	for _, one := range s.kinds {
		if one == k {
			n++
		}
	}
	return n
}

// numbered reads the fields by which a document is known.
func (s *storm) numbered(source []byte) (n int, err error) {
	document := struct {
		N       int
		Message string
	}{N: -1}
	if err := json.Unmarshal(source, &document); err != nil {
		return -1, err
	}
	if document.N < 0 || document.N >= s.records {
		return -1, fmt.Errorf("a document has the number %d: %s", document.N, source)
	}
	if document.Message != s.message(document.N) {
		return -1, fmt.Errorf("record %d was changed on its way: %s", document.N, source)
	}
	return document.N, nil
}
