// Package faults is an HTTP/1.1 proxy on 127.0.0.1 that stands before the real Elasticsearch and misbehaves as networks, load
// balancers and clusters do. What it does to a bulk request is drawn from a seeded source, so that a failure can be repeated
// by its seed, and it keeps an account of it, so that a test can tell which doubles were nobody's fault.
//
// What a client sees of a bulk request:
//
//	        ┌ cut, a page, 429, 503, 401, 403, a redirect ─── nothing was passed on
//	POST ───┼ 413, 400: by what the request holds ─────────── nothing was passed on
//	_bulk   ├ some items 429 or 503, the others' answers ──── the others were passed on
//	        └ passed on ─┬ the answer, at once, slowly, or with the connection closed behind it
//	                     └ no answer, half of one, one item less, a 504: its documents may be there, or not
//
// All other requests pass untouched.
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
	// Throttle answers 429, Unavailable 503, both as Elasticsearch would.
	Throttle
	Unavailable
	// ThrottleItems and FailItems take some documents out of the request and answer these with the item status 429 or 503.
	ThrottleItems
	FailItems
	// Slow keeps the answer back for a time up to Rule.Delay, whole or from its middle on.
	Slow
	// TornAnswer ends the answer in its middle, by a reset or an orderly close.
	TornAnswer
	// MissingItem leaves one item out of the answer.
	MissingItem
	// Page answers 200 with HTML, BadGateway 502 with HTML; nothing was passed on. The pages quote the request.
	Page
	BadGateway
	// GatewayTimeout passes the request on, and answers 504 with HTML.
	GatewayTimeout
	// DropIdle closes the connection a moment after the answer, without a word, as load balancers do.
	DropIdle
	// Unauthorized answers 401, Forbidden 403, both as Elasticsearch would.
	Unauthorized
	Forbidden
	// Redirect answers 307 with a Location at this proxy itself.
	Redirect

	// TooLarge (413, Options.MaxBytes) and Illegal (400, Options.Guilty) follow from what a request holds.
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

// Rule says how often a fault happens.
type Rule struct {
	Fault Fault
	// Share of the bulk requests that meet it, 0 to 1. The shares of all rules together are 1 at most.
	Share float64
	// For makes it last: the request that draws it and those that follow, so many in all; 0 is 1.
	For int
	// Times ends the rule after so many requests; 0 never.
	Times int
	// RetryAfter is that header's value on Throttle and Unavailable; empty leaves it out.
	RetryAfter string
	// Delay is the longest that Slow waits. It is drawn unless it is Exactly.
	Delay   time.Duration
	Exactly bool
}

// Always is a rule that every request meets.
func Always(f Fault) Rule { return Rule{Fault: f, Share: 1} }

// First is a rule that the next n requests meet, and none after them.
func First(n int, f Fault) Rule { return Rule{Fault: f, Share: 1, Times: n} }
