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

// Cluster holds the templates.
type Cluster interface {
	// FindTemplate returns the mark of the template of that name. A missing template is no failure.
	FindTemplate(ctx context.Context, kind Kind, name string) (Found, *bulk.Failure)
	// PutTemplate installs one.
	PutTemplate(ctx context.Context, t *Template, p Precedence) *bulk.Failure
}

// Found is the cluster's template of a name.
type Found struct {
	Exists bool
	// Mark is empty for a template that this plugin did not install.
	Mark string
}

// Precedence decides between two templates of one name.
type Precedence uint8

// The existing template stays, and a second installation fails with status 400; or the new one
// replaces it.
const (
	KeepExisting Precedence = iota
	Overwrite
)

// Result is the outcome of an installation.
type Result uint8

// The results.
const (
	// Installed: the template was installed just now.
	Installed Result = iota
	// Different: there is one of that name, and it must not be replaced.
	Different
	// Same: this very template is installed already.
	Same
	// NotInstalled: the cluster's answer makes an installation impossible.
	NotInstalled
)

// spread is the maximum random wait of an agent that finds no template, before it looks again and
// installs it: of thousands that start at once, a few install it and the others find it.
const spread = 2 * time.Second

// Installer is a Sender that delays requests until the outcome of the installation is known. It is
// safe for concurrent use.
type Installer struct {
	template   *Template
	precedence Precedence
	cluster    Cluster
	next       Sender
	report     func(Result, *bulk.Failure)

	known atomic.Bool
	turn  chan struct{} // holds a token while a request asks the cluster
}

// NewInstaller returns an installer that passes requests on to next. It calls report once, with the
// outcome and, for Missing, the failure.
func NewInstaller(t *Template, p Precedence, c Cluster, next Sender, report func(Result, *bulk.Failure)) *Installer {
	return &Installer{template: t, precedence: p, cluster: c, next: next, report: report, turn: make(chan struct{}, 1)}
}

// Send implements deliver.Sender. While the cluster is unavailable, its failure is that of the
// request, of which nothing was sent.
func (i *Installer) Send(ctx context.Context, req *bulk.Request, each func(bulk.Item)) (int, *bulk.Failure) {
	if !i.known.Load() {
		var failure *bulk.Failure
		callback.Offload(ctx, func(ctx context.Context) { failure = i.ask(ctx) })
		if failure != nil {
			return 0, failure
		}
	}
	return i.next.Send(ctx, req, each)
}

// ask finds the outcome, or returns the failure that prevents it for now.
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

// cause is the failure's error, or a text for an answer without one.
func cause(f *bulk.Failure) error {
	if f.Err != nil {
		return f.Err
	}
	return errors.New("not now")
}

// rounds is the number of looks at the cluster: one before the random wait, one behind it, and one
// after another agent was quicker.
const rounds = 3

func (i *Installer) install(ctx context.Context) (Result, *bulk.Failure) {
	for round := 1; ; round++ {
		found, failure := i.cluster.FindTemplate(ctx, i.template.Kind, i.template.Name)
		switch {
		case failure != nil:
			return NotInstalled, failure
		case found.Mark == i.template.Mark:
			return Same, nil
		case found.Exists && i.precedence == KeepExisting:
			return Different, nil
		case round == 1:
			wait(ctx)
			continue
		}
		failure = i.cluster.PutTemplate(ctx, i.template, i.precedence)
		switch {
		case failure == nil:
			return Installed, nil
		case failure.Status != http.StatusBadRequest || i.precedence == Overwrite || round == rounds:
			return NotInstalled, failure
		}
	}
}

// wait sleeps for a random time, and leaves most of the request's time.
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

// away reports whether the failure would stop documents, too, so that it says nothing about the
// template. All others are answers to the template alone: it is illegal, the key lacks a privilege,
// or the server has no templates.
func away(f *bulk.Failure) bool {
	switch f.Class {
	case bulk.Unreachable, bulk.Ambiguous, bulk.Throttled, bulk.Unavailable, bulk.Canceled:
		return true
	case bulk.Misconfigured:
		// Wrong credentials, redirects, and pages in place of an answer.
		return f.Status < 400 || f.Status == http.StatusUnauthorized || f.Status == http.StatusProxyAuthRequired
	case bulk.Delivered, bulk.Oversized, bulk.BadRequest:
	}
	return false
}
