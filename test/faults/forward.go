package faults

import (
	"fmt"
	"net/http"
	"time"
)

// pass passes the request on, but for busy items, and treats the answer as chosen.
func (x *exchange) pass() {
	if busy := x.busy(); busy != nil {
		x.hold(busy)
		return
	}
	a, err := x.proxy.forward(x.r, x.req.raw)
	if err != nil {
		x.unreached(x.req.items)
		return
	}
	a.read()
	x.deliver(a, x.req.items)
}

// busy has the status 429 for each item that Options.Busy finds, nil if it finds none.
func (x *exchange) busy() (held []int) {
	if x.proxy.options.Busy == nil {
		return nil
	}
	for i, one := range x.req.items {
		if !x.proxy.options.Busy(one.action, one.document) {
			continue
		}
		if held == nil {
			held = make([]int, len(x.req.items))
		}
		held[i] = http.StatusTooManyRequests
	}
	return held
}

// hold answers the items with a status in held itself and passes the others on.
func (x *exchange) hold(held []int) {
	var others []item
	for i, one := range x.req.items {
		if held[i] == 0 {
			others = append(others, one)
		}
	}
	x.note(func(e *Entry) { e.Held = len(held) - len(others) })
	var a *answer
	if len(others) > 0 {
		x.r.Header.Del("Content-Encoding")
		var err error
		if a, err = x.proxy.forward(x.r, join(others)); err != nil {
			x.unreached(others)
			return
		}
		if a.read(); a.items == nil {
			x.deliver(a, others)
			return
		}
	}
	a = withHeld(a, x.req, held, filterOf(x.r.URL.Query()))
	a.write()
	x.deliver(a, x.req.items)
}

// choose draws the items to hold with a status: one, about a third, or all. Busy ones are held
// besides.
func (x *exchange) choose(status int) []int {
	held, detail := x.busy(), x.choice.detail
	if held == nil {
		held = make([]int, len(x.req.items))
	}
	switch kind := detail.IntN(10); {
	case len(held) == 0:
	case kind < 4:
		held[detail.IntN(len(held))] = status
	case kind < 9:
		for i := range held {
			if detail.IntN(3) == 0 {
				held[i] = status
			}
		}
	default:
		for i := range held {
			held[i] = status
		}
	}
	return held
}

// unreached ends an exchange that the target failed: its items may be stored, or not.
func (x *exchange) unreached(items []item) {
	x.note(func(e *Entry) { e.Fault = Unreached })
	x.proxy.ledger.lose(x.place, items)
	reset(x.hijack())
}

// deliver sends the answer to items back, as the fault demands, and notes the items that the client
// may not receive.
func (x *exchange) deliver(a *answer, items []item) {
	accepted := x.accepted(a, items)
	x.note(func(e *Entry) { e.Accepted = len(accepted) })
	lost := func() { x.proxy.ledger.lose(x.place, accepted) } // noted first: the client reacts at once
	switch x.choice.Fault {
	case CutAfter:
		lost()
		reset(x.hijack())
	case GatewayTimeout:
		lost()
		x.page(http.StatusGatewayTimeout, "Gateway time-out")
	case MissingItem:
		if len(a.items) == 0 {
			x.whole(a, accepted)
			return
		}
		lost()
		i := x.choice.detail.IntN(len(a.items))
		a.items = append(a.items[:i:i], a.items[i+1:]...)
		a.write()
		x.respond(a)
	case TornAnswer:
		x.tear(a, items)
	case Slow:
		x.slowly(a, accepted)
	case DropIdle:
		x.dropIdle(a, accepted)
	default:
		x.whole(a, accepted)
	}
}

// accepted are the items that Elasticsearch accepted.
func (x *exchange) accepted(a *answer, items []item) []item {
	if a.status == http.StatusOK && a.items == nil {
		return items // it may be any of them
	}
	return acceptedFrom(0, a, items)
}

func acceptedFrom(first int, a *answer, items []item) []item {
	var accepted []item
	for i := first; i < len(items); i++ {
		if a.accepted(i) {
			accepted = append(accepted, items[i])
		}
	}
	return accepted
}

// whole writes the answer, and notes the accepted items as lost if the client may have gone by
// then.
func (x *exchange) whole(a *answer, accepted []item) { x.settle(x.respond(a), accepted) }

func (x *exchange) settle(written bool, accepted []item) {
	patience := x.proxy.options.Patience
	if late := patience > 0 && time.Since(x.began) > patience; late || !written || x.r.Context().Err() != nil {
		x.note(func(e *Entry) { e.Late = true })
		x.proxy.ledger.lose(x.place, accepted)
	}
}

// slowly waits before the answer or in the middle of it.
func (x *exchange) slowly(a *answer, accepted []item) {
	delay := x.choice.Delay
	if !x.choice.Exactly && delay > 0 {
		delay = time.Duration(x.choice.detail.Int64N(int64(delay)))
	}
	if x.choice.detail.IntN(2) == 0 {
		x.wait(delay)
		x.whole(a, accepted)
		return
	}
	conn := x.hijack()
	if conn == nil {
		x.settle(false, accepted)
		return
	}
	defer conn.Close()
	text := head(a) + string(a.body)
	middle := len(text) - len(a.body)/2 - 1
	_, err := conn.Write([]byte(text[:middle]))
	x.wait(delay)
	if err == nil {
		_, err = conn.Write([]byte(text[middle:]))
	}
	x.settle(err == nil, accepted)
}

// dropIdle writes the answer and closes the connection soon after, while the client may be using it
// again.
func (x *exchange) dropIdle(a *answer, accepted []item) {
	conn := x.hijack()
	if conn == nil {
		x.settle(false, accepted)
		return
	}
	defer conn.Close()
	_, err := conn.Write([]byte(head(a) + string(a.body)))
	x.settle(err == nil, accepted)
	x.wait(time.Duration(x.choice.detail.Int64N(int64(longestPause))))
}

// tear writes part of the answer. Even items that are whole in it are lost if a reset follows,
// which may overtake them.
func (x *exchange) tear(a *answer, items []item) {
	var ends []int
	if a.items != nil {
		ends = a.write()
	}
	at := x.choice.detail.IntN(max(1, len(a.body)))
	orderly := x.choice.detail.IntN(2) == 0
	var seen int
	for orderly && seen < len(ends) && ends[seen] <= at {
		seen++
	}
	if a.items == nil {
		x.proxy.ledger.lose(x.place, x.accepted(a, items))
	} else {
		x.proxy.ledger.lose(x.place, acceptedFrom(seen, a, items))
	}
	conn := x.hijack()
	if conn == nil {
		return
	}
	_, _ = conn.Write([]byte(head(a) + string(a.body[:at])))
	x.wait(time.Duration(x.choice.detail.Int64N(int64(longestPause))))
	if orderly {
		_ = conn.Close()
		return
	}
	reset(conn)
}

// head is the answer's status line and header.
func head(a *answer) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\nContent-Length: %d\r\n\r\n",
		a.status, http.StatusText(a.status), len(a.body))
}

// wait sleeps, but not longer than the proxy lives.
func (x *exchange) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.proxy.closing:
	}
}
