package faults

import (
	"html"
	"net/http"
	"strconv"
	"time"
)

// exchange is one bulk request on its way.
type exchange struct {
	proxy  *Proxy
	w      http.ResponseWriter
	r      *http.Request
	choice choice
	place  int // of its entry
	began  time.Time
	req    *request
}

// longestPause is the maximum random time that a connection stays open before it is cut.
const longestPause = 5 * time.Millisecond

// run applies the chosen fault, unless the request's content asks for another.
func (x *exchange) run() {
	if x.choice.Fault == CutBefore && x.choice.detail.IntN(2) == 0 {
		x.meets(CutBefore)
		reset(x.hijack())
		return
	}
	req, err := readRequest(x.r)
	if err != nil {
		x.meets(Unread)
		reset(x.hijack())
		return
	}
	x.req = req
	x.meets(x.fault())
}

// fault is the request's fault: the limits of an honest server come first.
func (x *exchange) fault() Fault {
	if limit := x.proxy.options.MaxBytes; limit > 0 && len(x.req.plain) > limit {
		return TooLarge
	}
	if x.guilty() != nil {
		return Illegal
	}
	return x.choice.Fault
}

func (x *exchange) guilty() []byte {
	if x.proxy.options.Guilty != nil {
		for _, i := range x.req.items {
			if x.proxy.options.Guilty(i.action, i.document) {
				return i.document
			}
		}
	}
	return nil
}

// meets notes the fault, and applies it if the request is complete.
func (x *exchange) meets(f Fault) {
	x.note(func(e *Entry) {
		e.Fault = f
		if x.req != nil {
			e.Bytes, e.Documents = len(x.req.plain), len(x.req.items)
		}
	})
	if x.req == nil {
		return
	}
	switch f {
	case CutBefore:
		reset(x.hijack())
	case Throttle:
		x.refuse(http.StatusTooManyRequests, "es_rejected_execution_exception", "rejected execution of coordinating operation")
	case Unavailable:
		x.refuse(http.StatusServiceUnavailable, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];")
	case Unauthorized:
		x.refuse(http.StatusUnauthorized, "security_exception", "unable to authenticate user [shipper] for REST request [/_bulk]")
	case Forbidden:
		x.refuse(http.StatusForbidden, "security_exception", "action [indices:data/write/bulk] is unauthorized for user [shipper]")
	case TooLarge:
		x.respond(&answer{status: http.StatusRequestEntityTooLarge, header: http.Header{}})
	case Illegal:
		x.refuse(http.StatusBadRequest, "action_request_validation_exception",
			"Validation Failed: 1: id ["+string(x.guilty())+"] is too long, must be no longer than 512 bytes but was: 600;")
	case Page:
		x.page(http.StatusOK, "Please log in")
	case BadGateway:
		x.page(http.StatusBadGateway, "Bad gateway")
	case Redirect:
		x.respond(&answer{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {x.proxy.URL() + x.r.URL.RequestURI()}}})
	case ThrottleItems:
		x.hold(x.choose(http.StatusTooManyRequests))
	case FailItems:
		x.hold(x.choose(http.StatusServiceUnavailable))
	case None, CutAfter, Slow, TornAnswer, MissingItem, GatewayTimeout, DropIdle, Unread, Unreached:
		x.pass()
	}
}

func (x *exchange) note(change func(*Entry)) { x.proxy.ledger.note(x.place, change) }

// refuse answers with an error in Elasticsearch's form.
func (x *exchange) refuse(status int, kind, reason string) {
	cause := map[string]any{"type": kind, "reason": reason}
	problem := map[string]any{"root_cause": []any{cause}, "type": kind, "reason": reason}
	a := &answer{status: status, header: http.Header{}, body: compact(map[string]any{"error": problem, "status": status})}
	a.header.Set("Content-Type", "application/json")
	a.header.Set("X-Elastic-Product", "Elasticsearch")
	if after := x.choice.RetryAfter; after != "" && (x.choice.Fault == Throttle || x.choice.Fault == Unavailable) {
		a.header.Set("Retry-After", after)
	}
	x.respond(a)
}

// page answers with HTML that quotes the request, as careless proxies do.
func (x *exchange) page(status int, title string) {
	const quoted = 2 << 10
	text := "<!DOCTYPE html>\n<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1><p>Your request was</p><pre>" +
		html.EscapeString(string(x.req.plain[:min(len(x.req.plain), quoted)])) + "</pre></body></html>\n"
	x.respond(&answer{status: status, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(text)})
}

// respond sends an answer to the client, and reports whether it was written to its end.
func (x *exchange) respond(a *answer) bool { return respond(x.w, a) == nil }

func respond(w http.ResponseWriter, a *answer) error {
	for name, values := range a.header {
		if name != "Content-Length" && name != "Connection" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}
