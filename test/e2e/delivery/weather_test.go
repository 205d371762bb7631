package delivery

import (
	"time"

	"out_es/test/e2e"
	"out_es/test/faults"
)

// everything is all faults, so that about half of the requests meet one.
func everything() []faults.Rule {
	return []faults.Rule{
		{Fault: faults.CutBefore, Share: 0.03},
		{Fault: faults.CutAfter, Share: 0.04},
		{Fault: faults.Throttle, Share: 0.03},
		{Fault: faults.Throttle, Share: 0.01, RetryAfter: "0"},
		{Fault: faults.Throttle, Share: 0.003, RetryAfter: "1"},
		{Fault: faults.Unavailable, Share: 0.03},
		{Fault: faults.Unavailable, Share: 0.003, RetryAfter: "1"},
		{Fault: faults.ThrottleItems, Share: 0.06},
		{Fault: faults.FailItems, Share: 0.05},
		{Fault: faults.Slow, Share: 0.05, Delay: 60 * time.Millisecond},
		{Fault: faults.Slow, Share: 0.002, Delay: e2e.ShortRequestTimeout + 300*time.Millisecond, Exactly: true},
		{Fault: faults.TornAnswer, Share: 0.05},
		{Fault: faults.MissingItem, Share: 0.02},
		{Fault: faults.Page, Share: 0.01},
		{Fault: faults.BadGateway, Share: 0.02},
		{Fault: faults.GatewayTimeout, Share: 0.02},
		{Fault: faults.DropIdle, Share: 0.05},
		{Fault: faults.Unauthorized, Share: 0.004, For: 4},
		{Fault: faults.Forbidden, Share: 0.004, For: 4},
		{Fault: faults.Redirect, Share: 0.004, For: 2},
	}
}
