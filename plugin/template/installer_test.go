package template

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_es/plugin/bulk"
)

// cluster gives the prepared answers in order, then behaves like a cluster with at most one
// template.
type cluster struct {
	mu        sync.Mutex
	finds     []*bulk.Failure // answers of the next looks
	puts      []*bulk.Failure // answers of the next installations
	there     bool
	mark      string
	slow      time.Duration
	found     int
	installed int
	refused   int // installations that came too late
}

func (c *cluster) FindTemplate(ctx context.Context, _ Kind, _ string) (Found, *bulk.Failure) {
	time.Sleep(c.slow)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found++
	if len(c.finds) > 0 {
		failure := c.finds[0]
		c.finds = c.finds[1:]
		if failure != nil {
			return Found{}, failure
		}
	}
	return Found{Exists: c.there, Mark: c.mark}, nil
}

func (c *cluster) PutTemplate(ctx context.Context, t *Template, p Precedence) *bulk.Failure {
	time.Sleep(c.slow)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.puts) > 0 {
		failure := c.puts[0]
		c.puts = c.puts[1:]
		if failure != nil {
			return failure
		}
	}
	if c.there && p == KeepExisting {
		c.refused++
		return &bulk.Failure{Class: bulk.BadRequest, Status: 400, Type: "illegal_argument_exception"}
	}
	c.there, c.mark = true, t.Mark
	c.installed++
	return nil
}

// bulks counts requests that were passed on.
type bulks struct {
	mu   sync.Mutex
	sent int
}

func (b *bulks) Send(context.Context, *bulk.Request, func(bulk.Item)) (int, *bulk.Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
	return 0, nil
}

func status(class bulk.Class, status int) *bulk.Failure {
	return &bulk.Failure{Class: class, Status: status}
}

// TestEveryAnswerHoldsRequestsOrLetsThemPass has a row for each answer that a
// look, and an installation, can bring.
func TestEveryAnswerHoldsRequestsOrLetsThemPass(t *testing.T) {
	refused := errors.New("connection refused")
	for name, c := range map[string]struct {
		failure *bulk.Failure
		holds   bool
	}{
		"no connection":                {&bulk.Failure{Class: bulk.Unreachable, Err: refused}, true},
		"cut off":                      {&bulk.Failure{Class: bulk.Ambiguous, Err: refused}, true},
		"429":                          {status(bulk.Throttled, 429), true},
		"503, no master":               {status(bulk.Unavailable, 503), true},
		"401":                          {status(bulk.Misconfigured, 401), true},
		"407":                          {status(bulk.Misconfigured, 407), true},
		"302":                          {status(bulk.Misconfigured, 302), true},
		"200 with somebody's page":     {status(bulk.Misconfigured, 200), true},
		"400, the template is illegal": {status(bulk.BadRequest, 400), false},
		"400, no such API":             {status(bulk.Misconfigured, 400), false},
		"403":                          {status(bulk.Misconfigured, 403), false},
		"404":                          {status(bulk.Misconfigured, 404), false},
		"405":                          {status(bulk.Misconfigured, 405), false},
		"413":                          {status(bulk.Oversized, 413), false},
		"501":                          {status(bulk.Misconfigured, 501), false},
	} {
		for where, servers := range map[string]func() *cluster{
			"looking": func() *cluster { f := *c.failure; return &cluster{finds: []*bulk.Failure{&f}} },
			"looking again": func() *cluster {
				f := *c.failure
				return &cluster{finds: []*bulk.Failure{nil, &f}}
			},
			"installing": func() *cluster {
				f, g := *c.failure, *c.failure
				return &cluster{puts: []*bulk.Failure{&f, &g}}
			},
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, next := servers(), &bulks{}
					var results []Result
					in := NewInstaller(&Template{Name: "x", Mark: "m"}, KeepExisting, server, next, func(r Result, f *bulk.Failure) {
						results = append(results, r)
						if (r == NotInstalled) != (f != nil) {
							t.Errorf("result %d comes with %v", r, f)
						}
					})
					_, failure := in.Send(t.Context(), nil, nil)
					if (failure != nil) != c.holds {
						t.Fatalf("Send: %v", failure)
					}
					if c.holds && (next.sent != 0 || len(results) != 0 || !failure.NotSent || !strings.Contains(failure.Error(), "Template_File")) {
						t.Errorf("%d sent, results %v, failure %v", next.sent, results, failure)
					}
					if !c.holds && (next.sent != 1 || len(results) != 1 || results[0] != NotInstalled) {
						t.Errorf("%d sent, results %v", next.sent, results)
					}
					server.finds, server.puts = nil, nil // the trouble is over
					for range 3 {
						if _, failure := in.Send(t.Context(), nil, nil); failure != nil {
							t.Errorf("afterwards: %v", failure)
						}
					}
					if len(results) != 1 {
						t.Errorf("results %v, want one", results)
					}
					if want := 0; c.holds && server.installed != want+1 {
						t.Errorf("installed %d times", server.installed)
					}
				})
			})
		}
	}
}

func TestTheExistingTemplateDecides(t *testing.T) {
	for name, c := range map[string]struct {
		there      bool
		mark       string
		precedence Precedence
		want       Result
		puts       int
	}{
		"nothing":                      {false, "", KeepExisting, Installed, 1},
		"nothing, overwrite":           {false, "", Overwrite, Installed, 1},
		"the same":                     {true, "m", KeepExisting, Same, 0},
		"the same, overwrite":          {true, "m", Overwrite, Same, 0},
		"an older one":                 {true, "o", KeepExisting, Different, 0},
		"an older one, overwrite":      {true, "o", Overwrite, Installed, 1},
		"somebody else's":              {true, "", KeepExisting, Different, 0},
		"somebody else's, overwritten": {true, "", Overwrite, Installed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, next := &cluster{there: c.there, mark: c.mark}, &bulks{}
				var got []Result
				in := NewInstaller(&Template{Mark: "m"}, c.precedence, server, next, func(r Result, _ *bulk.Failure) { got = append(got, r) })
				for range 5 {
					_, _ = in.Send(t.Context(), nil, nil)
				}
				if len(got) != 1 || got[0] != c.want || server.installed != c.puts || next.sent != 5 {
					t.Errorf("results %v, %d installed, %d sent", got, server.installed, next.sent)
				}
				if looks := server.found; looks > 2 {
					t.Errorf("%d looks", looks)
				}
			})
		})
	}
}

// Of two that find nothing and install at once, the slower one finds the other's template.
func TestOneThatComesTooLateFindsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &cluster{}
		late := &overtaken{cluster: server}
		var got []Result
		in := NewInstaller(&Template{Mark: "m"}, KeepExisting, late, &bulks{}, func(r Result, _ *bulk.Failure) { got = append(got, r) })
		if _, failure := in.Send(t.Context(), nil, nil); failure != nil || len(got) != 1 || got[0] != Different || server.refused != 1 {
			t.Errorf("%v, %v, refused %d", failure, got, server.refused)
		}
	})
}

// overtaken installs another agent's template right before each installation.
type overtaken struct{ *cluster }

func (o *overtaken) PutTemplate(ctx context.Context, t *Template, p Precedence) *bulk.Failure {
	o.there, o.mark = true, "another's"
	return o.cluster.PutTemplate(ctx, t, p)
}

// TestAFleetThatStartsAtOnce counts the requests of a thousand agents to a cluster that takes 20 ms
// for an answer.
func TestAFleetThatStartsAtOnce(t *testing.T) {
	for name, precedence := range map[string]Precedence{"install": KeepExisting, "overwrite": Overwrite} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const agents = 1000
				server := &cluster{slow: 20 * time.Millisecond, there: precedence == Overwrite, mark: "older"}
				next := &bulks{}
				began := time.Now()
				var all sync.WaitGroup
				for range agents {
					in := NewInstaller(&Template{Mark: "m"}, precedence, server, next, func(Result, *bulk.Failure) {})
					for range 2 { // two workers each
						all.Go(func() {
							if _, failure := in.Send(t.Context(), nil, nil); failure != nil {
								t.Error(failure)
							}
						})
					}
				}
				all.Wait()
				if took := time.Since(began); took > spread+time.Second {
					t.Errorf("it took %s", took)
				}
				puts := server.installed + server.refused
				t.Logf("%d agents: %d looks, %d installations", agents, server.found, puts)
				if puts > agents/20 || server.found > 3*agents || next.sent != 2*agents {
					t.Errorf("%d installations, %d looks, %d sent", puts, server.found, next.sent)
				}
			})
		})
	}
}

func TestAWaitEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewInstaller(&Template{Mark: "m"}, KeepExisting, &cluster{slow: time.Hour}, &bulks{}, func(Result, *bulk.Failure) {})
		go in.Send(t.Context(), nil, nil)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, failure := in.Send(ctx, nil, nil)
		if failure == nil || failure.Class != bulk.Unreachable || !failure.NotSent {
			t.Errorf("%+v", failure)
		}
		time.Sleep(4 * time.Hour)
	})
}
