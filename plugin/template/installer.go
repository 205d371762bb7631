package template

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/callback"
)

// Sender posts one bulk request, as in package deliver.
type Sender interface {
	Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (items int, failure *bulk.Failure)
}

// Cluster is where templates are.
type Cluster interface {
	// FindTemplate returns the mark of the template of that name. Nothing of
	// that name is no failure.
	FindTemplate(ctx context.Context, kind Kind, name string) (Found, *bulk.Failure)
	// PutTemplate installs one.
	PutTemplate(ctx context.Context, t *Template, p Precedence) *bulk.Failure
}

// Found is what the cluster has under a template's name.
type Found struct {
	There bool
	// Mark is empty where somebody else installed it.
	Mark string
}

// Precedence says which of two templates of one name holds.
type Precedence uint8

// The precedences: that of the one that is there, which makes a second
// installation a failure of status 400, or of the one that comes.
const (
	TheirsHolds Precedence = iota
	OursHolds
)

// Result is what became of the template.
type Result uint8

// The results.
const (
	// Installed: it was put there just now.
	Installed Result = iota
	// Present: one of that name is there, and it is not to be replaced.
	Present
	// Same: this very one is there.
	Same
	// Missing: it can't be installed, by what the cluster answered.
	Missing
)

// spread is how long an agent that finds no template waits, at random, before
// it looks again and then installs it: of thousands that start at once a few
// install it and the others find it there.
const spread = 2 * time.Second

// Installer is a Sender that holds requests back until it is known what
// became of the template. It is safe for concurrent use.
type Installer struct {
	template   *Template
	precedence Precedence
	cluster    Cluster
	next       Sender
	report     func(Result, *bulk.Failure)

	known atomic.Bool
	turn  chan struct{} // holds a token while a request asks the cluster
}

// NewInstaller returns an installer that passes requests on to next. report is
// told once what became of the template; the failure is that of Missing.
func NewInstaller(t *Template, p Precedence, c Cluster, next Sender, report func(Result, *bulk.Failure)) *Installer {
	return &Installer{template: t, precedence: p, cluster: c, next: next, report: report, turn: make(chan struct{}, 1)}
}

// Send implements deliver.Sender. While the cluster is away, its failure is
// that of the request: nothing of it was sent.
func (i *Installer) Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	if !i.known.Load() {
		var failure *bulk.Failure
		callback.Lasting(ctx, func(ctx context.Context) { failure = i.ask(ctx) })
		if failure != nil {
			return 0, failure
		}
	}
	return i.next.Send(ctx, req, each)
}

// ask makes known what became of the template, or returns why it can't be
// known now.
func (i *Installer) ask(ctx context.Context) *bulk.Failure {
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return &bulk.Failure{Class: bulk.Unreachable, NotSent: true, Err: errors.New("another flush still waits for Template_File to be installed")}
	}
	if i.known.Load() {
		return nil
	}
	result, failure := i.install(ctx)
	if failure != nil && away(failure) {
		failure.Err = fmt.Errorf("installing Template_File, before anything is sent: %w", cause(failure))
		failure.NotSent = true
		return failure
	}
	i.known.Store(true)
	i.report(result, failure)
	return nil
}

// cause is the failure's error, or words for an answer that has none.
func cause(f *bulk.Failure) error {
	if f.Err != nil {
		return f.Err
	}
	return errors.New("not now")
}

// rounds are as many looks at the cluster as there are: one before the random
// wait, one behind it, and one after somebody else was quicker.
const rounds = 3

func (i *Installer) install(ctx context.Context) (Result, *bulk.Failure) {
	for round := 1; ; round++ {
		found, failure := i.cluster.FindTemplate(ctx, i.template.Kind, i.template.Name)
		switch {
		case failure != nil:
			return Missing, failure
		case found.Mark == i.template.Mark:
			return Same, nil
		case found.There && i.precedence == TheirsHolds:
			return Present, nil
		case round == 1:
			wait(ctx)
			continue
		}
		failure = i.cluster.PutTemplate(ctx, i.template, i.precedence)
		switch {
		case failure == nil:
			return Installed, nil
		case failure.Status != http.StatusBadRequest || i.precedence == OursHolds || round == rounds:
			return Missing, failure
		}
	}
}

// wait lasts for a random time, and leaves most of the request's for the rest.
func wait(ctx context.Context) {
	longest := spread
	if deadline, ok := ctx.Deadline(); ok {
		longest = min(longest, time.Until(deadline)/4)
	}
	if longest <= 0 {
		return
	}
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// away says that documents could not flow either, or not now. What is left is
// an answer to the template alone: it is illegal, the key may not, or the
// server doesn't know of templates.
func away(f *bulk.Failure) bool {
	switch f.Class {
	case bulk.Unreachable, bulk.Ambiguous, bulk.Throttled, bulk.Unavailable, bulk.Canceled:
		return true
	case bulk.Unauthorized:
		// Credentials, redirects and pages in place of an answer.
		return f.Status < 400 || f.Status == http.StatusUnauthorized || f.Status == http.StatusProxyAuthRequired
	case bulk.Delivered, bulk.Oversized, bulk.Illegal:
	}
	return false
}
