// Package faults is an HTTP/1.1 proxy on 127.0.0.1 in front of the real Elasticsearch that
// misbehaves like networks, load balancers and clusters. It draws the fault of a bulk request from
// a seeded source, so that a seed repeats a failure, and records it, so that a test knows the
// unavoidable duplicates.
//
// A client's view of a bulk request:
//
//	        ┌ cut, a page, 429, 503, 401, 403, a redirect ─── nothing was passed on
//	POST ───┼ 413, 400: by the request's content ──────────── nothing was passed on
//	_bulk   ├ some items 429 or 503, the others' answers ──── the others were passed on
//	        └ passed on ─┬ the answer, at once, slowly, or with the connection closed behind it
//	                     └ no answer, half of one, one item less, a 504: its documents may be stored, or not
//
// All other requests pass unchanged.
package faults

import "time"

// Fault is one way to misbehave.
type Fault uint8

// The faults that a Rule can name.
const (
	// None passes the request on and its answer back.
	None Fault = iota
	// CutBefore resets the connection, before or after the body was read, and passes nothing on.
	CutBefore
	// CutAfter passes the request on, and resets the connection in place of the answer.
	CutAfter
	// Throttle answers 429, Unavailable 503, both in Elasticsearch's form.
	Throttle
	Unavailable
	// ThrottleItems and FailItems take some documents out of the request and answer these with the
	// item status 429 or 503.
	ThrottleItems
	FailItems
	// Slow delays the answer for a time up to Rule.Delay, whole or from its middle on.
	Slow
	// TornAnswer ends the answer in its middle, by a reset or an orderly close.
	TornAnswer
	// MissingItem leaves one item out of the answer.
	MissingItem
	// Page answers 200 with HTML, BadGateway 502 with HTML; nothing was passed on. The pages quote
	// the request.
	Page
	BadGateway
	// GatewayTimeout passes the request on, and answers 504 with HTML.
	GatewayTimeout
	// DropIdle closes the connection a moment after the answer, without notice, as load balancers
	// do.
	DropIdle
	// Unauthorized answers 401, Forbidden 403, both in Elasticsearch's form.
	Unauthorized
	Forbidden
	// Redirect answers 307 with a Location at this proxy itself.
	Redirect

	// TooLarge (413, Options.MaxBytes) and Illegal (400, Options.Guilty) depend on the request's
	// content.
	TooLarge
	Illegal
	// Unread means that the client, or a TLS reset, ended the request before it was whole.
	Unread
	// Unreached means that the target itself gave no answer.
	Unreached
)

var names = [...]string{
	None: "none", CutBefore: "cut before", CutAfter: "cut after", Throttle: "429", Unavailable: "503",
	ThrottleItems: "items 429", FailItems: "items 503", Slow: "slow", TornAnswer: "torn answer", MissingItem: "missing item",
	Page: "page 200", BadGateway: "page 502", GatewayTimeout: "page 504", DropIdle: "drop idle",
	Unauthorized: "401", Forbidden: "403", Redirect: "redirect",
	TooLarge: "413", Illegal: "400", Unread: "unread", Unreached: "unreached",
}

func (f Fault) String() string { return names[f] }

// Rule is the frequency of a fault.
type Rule struct {
	Fault Fault
	// Share is the share of the bulk requests with this fault, 0 to 1. The shares of all rules add
	// up to at most 1.
	Share float64
	// For is the number of consecutive requests with the fault, including the one that draws it; 0
	// is 1.
	For int
	// Times ends the rule after so many requests; 0 never.
	Times int
	// RetryAfter is that header's value on Throttle and Unavailable; empty leaves it out.
	RetryAfter string
	// Delay is the maximum delay of Slow. It is random unless Exactly is set.
	Delay   time.Duration
	Exactly bool
}

// Always is a rule for every request.
func Always(f Fault) Rule { return Rule{Fault: f, Share: 1} }

// First is a rule for the next n requests only.
func First(n int, f Fault) Rule { return Rule{Fault: f, Share: 1, Times: n} }
