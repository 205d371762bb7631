package faults

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

// chooser draws the faults, one after another. The same seed and rules give the same sequence,
// whatever the requests: every request takes two numbers from the source, and details come from a
// separate source.
type chooser struct {
	mu     sync.Mutex
	source *rand.Rand
	rules  []ruleState
	// lasting is the rule that applies to left more requests.
	lasting *ruleState
	left    int
}

type ruleState struct {
	Rule
	met int
}

// choice is the fault of one request.
type choice struct {
	Rule
	detail *rand.Rand
}

func newChooser(seed uint64, rules []Rule) (*chooser, error) {
	c := &chooser{source: rand.New(rand.NewPCG(seed, 0))}
	return c, c.set(rules)
}

// set replaces the rules. Possible error: their shares come to more than 1.
func (c *chooser) set(rules []Rule) error {
	var sum float64
	states := make([]ruleState, len(rules))
	for i, r := range rules {
		sum += r.Share
		states[i].Rule = r
	}
	if sum > 1+1e-9 { // shares such as 0.1 have no exact sum
		return fmt.Errorf("faults: the shares of all rules come to %.3f, which is more than 1", sum)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules, c.lasting, c.left = states, nil, 0
	return nil
}

func (c *chooser) next() choice {
	c.mu.Lock()
	defer c.mu.Unlock()
	draw, detail := c.source.Float64(), rand.New(rand.NewPCG(c.source.Uint64(), 0))
	if c.left > 0 && c.lasting.spent() {
		c.left = 0
	}
	if c.left == 0 {
		c.lasting = c.pick(draw)
		if c.lasting == nil {
			return choice{detail: detail}
		}
		c.left = max(1, c.lasting.For)
	}
	c.left--
	c.lasting.met++
	return choice{Rule: c.lasting.Rule, detail: detail}
}

// pick finds the rule whose share contains draw, nil for none.
func (c *chooser) pick(draw float64) *ruleState {
	for i := range c.rules {
		if draw -= c.rules[i].Share; draw < 0 {
			if c.rules[i].spent() {
				return nil
			}
			return &c.rules[i]
		}
	}
	return nil
}

func (r *ruleState) spent() bool { return r.Times > 0 && r.met >= r.Times }
