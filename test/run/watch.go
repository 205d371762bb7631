package main

import (
	"context"
	"fmt"
	"time"
)

// snapshot is the state at one moment.
type snapshot struct {
	stored    int
	read      int
	readKnown bool
	samples   []sample
}

// watch prints the progress every second, until every record is a document and the agent, unless it
// is to be kept, has ended well. Possible errors: the agent ended early; nothing new for
// s.patience; more documents than records. Each explains itself, with the ends of the logs.
func watch(ctx context.Context, s settings, a *agent, found documents, expected int) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	began, progressed := time.Now(), time.Now()
	var last snapshot
	for {
		ended := a.ended() // before counting, so that the count is final
		now, err := takeSnapshot(ctx, a, found)
		if err != nil {
			now = last // an index that is being created can't be counted yet; one that stays so runs out of patience
		} else {
			showProgress(s, now, expected, time.Since(began))
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case now.stored == expected:
			return settle(ctx, s, a, found, expected)
		case now.stored > expected:
			return explain(s, a, now, expected, "some records were stored more than once")
		case ended:
			return explain(s, a, now, expected, fmt.Sprintf("%s ended before all was stored (%v)", a.name, exitOf(a)))
		case now.stored != last.stored || now.read != last.read:
			progressed = time.Now()
		case time.Since(progressed) > s.patience:
			return explain(s, a, now, expected, stuck(s.patience, err))
		}
		last = now
		select {
		case <-ctx.Done():
		case <-a.done:
		case <-second.C:
		}
	}
}

func stuck(patience time.Duration, err error) string {
	what := fmt.Sprintf("nothing has happened for %s", patience)
	if err != nil {
		what += ", and Elasticsearch can't be asked: " + err.Error()
	}
	return what
}

func takeSnapshot(ctx context.Context, a *agent, found documents) (snapshot, error) {
	stored, err := found.count(ctx)
	if err != nil {
		return snapshot{}, err
	}
	now := snapshot{stored: stored, samples: a.samples(ctx)}
	now.read, now.readKnown = recordsRead(now.samples)
	return now, nil
}

func showProgress(s settings, now snapshot, expected int, elapsed time.Duration) {
	read := ""
	if now.readKnown {
		read = fmt.Sprintf("records read %s   ", thousands(now.read))
	}
	fmt.Fprintf(s.out, "  %3.0f s   %sdocuments %s of %s\n", elapsed.Seconds(), read, thousands(now.stored), thousands(expected))
}

// settle makes sure that the right number stays right: it has the agent send its remaining chunks
// and end, or, if it is to be kept, waits for two flushes, and counts again.
func settle(ctx context.Context, s settings, a *agent, found documents, expected int) error {
	if s.keep {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	} else if err := a.stop(ctx); err != nil {
		return explain(s, a, snapshot{stored: expected}, expected, err.Error())
	}
	now, err := takeSnapshot(ctx, a, found)
	if err != nil {
		return explain(s, a, now, expected, err.Error())
	}
	if now.stored != expected {
		return explain(s, a, now, expected, "some records were stored more than once")
	}
	return nil
}

func exitOf(a *agent) string {
	if a.err != nil {
		return a.err.Error()
	}
	return "exit status 0"
}
