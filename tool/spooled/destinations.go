package spooled

import (
	"cmp"
	"context"
	"slices"
	"time"

	"out_es/plugin/source"
	"out_es/plugin/spool"
	"out_es/tool/encoder"
)

// counter is the Format that counts records by the index or data stream that an instance would send
// them to.
type counter struct {
	source *source.Source
	groups map[[2]string]*Group // by destination and tag
}

// Destinations groups all waiting chunks by tag and by the index or data stream of their records,
// as an instance with these options would send them. It reads and encodes every chunk, so it takes
// as long as export. A chunk with records for several destinations counts for each; its bytes count
// for that of its first record.
//
// Possible errors: those of the file system; the context's.
func Destinations(ctx context.Context, all []*Spool, pick Selection, o *source.Options) (groups []Group, problems []string, err error) {
	src := encoder.NewSource(o)
	for _, s := range all {
		c := &counter{source: src, groups: map[[2]string]*Group{}}
		found, err := s.print(ctx, Selection{Tag: pick.Tag}, c, nil)
		if err != nil {
			return nil, problems, err
		}
		problems = append(problems, found...)
		for _, g := range c.groups {
			if g.Instance = s.Instance; pick.Destination == "" || pick.Destination == g.Destination {
				groups = append(groups, *g)
			}
		}
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Tag, b.Tag))
	})
	return groups, problems, nil
}

func (c *counter) Lines(f spool.Frame, _ string, _ func([]byte) error) error {
	openFrame(c.source, f)
	bytes := int64(len(f.Chunk))
	seen := map[*Group]bool{}
	return c.source.Walk(func(item *source.Item) error {
		if item.Index == "" {
			return nil // malformed: it has no destination
		}
		key := [2]string{item.Index, f.Tag}
		g := c.groups[key]
		if g == nil {
			g = &Group{Destination: item.Index, Tag: f.Tag}
			c.groups[key] = g
		}
		at := time.Unix(item.Event.Time.Seconds, int64(item.Event.Time.Nanos))
		one := Sums{Records: 1, Bytes: bytes, Oldest: at, Newest: at}
		if !seen[g] {
			seen[g], one.Chunks = true, 1
		}
		g.add(one)
		bytes = 0
		return nil
	})
}
