package simulate

import "time"

// Herd is the traffic of all agents: requests, second by second.
type Herd struct {
	// From is the beginning of the first second.
	From              time.Duration
	Refused, Answered []float64
	// First is when each agent's first request after the outage came, counted
	// from its end.
	First []time.Duration
}

// Gather adds the agents' traces up.
func Gather(s Scenario, traces []*Trace) Herd {
	seconds := int((s.Calm + s.Outage + s.After) / time.Second)
	h := Herd{From: -s.Calm, Refused: make([]float64, seconds), Answered: make([]float64, seconds)}
	for _, trace := range traces {
		back := time.Duration(-1)
		for _, r := range trace.Requests {
			second := int((r.At - h.From) / time.Second)
			switch {
			case second >= seconds:
			case r.Answered:
				h.Answered[second]++
			default:
				h.Refused[second]++
			}
			if r.At >= s.Outage && back < 0 {
				back = r.At - s.Outage
			}
		}
		h.First = append(h.First, back)
	}
	return h
}

// Steady is the requests a second before the outage.
func (h Herd) Steady(s Scenario) float64 { return float64(s.Agents) / s.Every.Seconds() }

// MeanRefused is the requests a second in the second half of the outage.
func (h Herd) MeanRefused(s Scenario) float64 {
	from, to := int((s.Calm+s.Outage/2)/time.Second), int((s.Calm+s.Outage)/time.Second)
	return mean(h.Refused[from:to])
}

// Peak is the most requests in a second, and when.
func (h Herd) Peak() (requests float64, at time.Duration) {
	for i, n := range h.Answered {
		if n > requests {
			requests, at = n, h.From+time.Duration(i)*time.Second
		}
	}
	return requests, at
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
