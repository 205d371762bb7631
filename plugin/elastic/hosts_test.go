package elastic

import (
	"net/url"
	"testing"
	"time"
)

// fakeHosts are hosts with a clock that the test moves.
func fakeHosts(t *testing.T, addresses ...string) (h *hosts, pass func(time.Duration)) {
	t.Helper()
	var urls []*url.URL
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, u)
	}
	now := time.Unix(1_700_000_000, 0)
	h = newHosts(urls, nil)
	h.now = func() time.Time { return now }
	return h, func(d time.Duration) { now = now.Add(d) }
}

// asked counts the turns of each host in n calls of next.
func asked(t *testing.T, h *hosts, n int) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for range n {
		next, _ := h.next()
		counts[next.address]++
	}
	return counts
}

func TestHostsThatAreUpShareEvenly(t *testing.T) {
	h, _ := fakeHosts(t, "http://a:1", "http://b:1", "http://[::1]:1/path")
	for address, n := range asked(t, h, 300) {
		if n != 100 {
			t.Errorf("%s was asked %d times", address, n)
		}
	}
}

func TestInstancesBeginWithDifferentHosts(t *testing.T) {
	first := map[string]int{}
	for range 200 {
		h, _ := fakeHosts(t, "http://a:1", "http://b:1")
		for address := range asked(t, h, 1) {
			first[address]++
		}
	}
	if first["http://a:1"] < 50 || first["http://b:1"] < 50 {
		t.Errorf("first were %v", first)
	}
}

// Each failure doubles a host's pause, from 1 s to 1 min, give or take a half; an answer ends it.
func TestALostHostIsTriedAfterGrowingPauses(t *testing.T) {
	const step = 100 * time.Millisecond
	h, pass := fakeHosts(t, "http://dead:1", "http://up:1")
	pause := firstPause
	for failure := range 12 {
		h.markDown("http://dead:1", h.now())
		var waited time.Duration
		for asked(t, h, 10)["http://dead:1"] == 0 {
			pass(step)
			if waited += step; waited > 2*longestPause {
				t.Fatalf("not tried %s after failure %d", waited, failure)
			}
		}
		if waited < pause/2 || waited > pause*3/2+step {
			t.Errorf("tried %s after failure %d, want %s give or take a half", waited, failure, pause)
		}
		pause = min(2*pause, longestPause)
	}
	h.markUp("http://dead:1")
	if n := asked(t, h, 10)["http://dead:1"]; n != 5 {
		t.Errorf("it answers, and is asked %d times of 10", n)
	}
	h.markDown("http://dead:1", h.now())
	pass(2 * firstPause)
	if asked(t, h, 10)["http://dead:1"] == 0 {
		t.Error("it was lost anew, and is left alone for longer than the first time")
	}
}

func TestADueHostIsTriedByOneRequest(t *testing.T) {
	h, pass := fakeHosts(t, "http://dead:1", "http://up:1")
	h.markDown("http://dead:1", h.now())
	pass(longestPause)
	if n := asked(t, h, 100)["http://dead:1"]; n != 1 {
		t.Errorf("%d of 100 requests at a time tried it", n)
	}
}

func TestRequestsThatFailTogetherAreOneFailure(t *testing.T) {
	h, pass := fakeHosts(t, "http://dead:1", "http://up:1")
	began := h.now()
	pass(time.Second)
	for range 8 {
		h.markDown("http://dead:1", began)
	}
	pass(2 * firstPause)
	if asked(t, h, 10)["http://dead:1"] == 0 {
		t.Error("eight requests that were under way count as eight failures")
	}
}

func TestWhereAllAreLostTheyAreTriedInTurn(t *testing.T) {
	h, pass := fakeHosts(t, "http://a:1", "http://b:1", "http://c:1")
	for i, address := range []string{"http://a:1", "http://b:1", "http://c:1"} {
		pass(time.Millisecond)
		if elsewhere := h.markDown(address, h.now()); elsewhere != (i < 2) {
			t.Errorf("%s is lost, and others are up: %v", address, elsewhere)
		}
	}
	// No request waits for a host: with no time passing, one that drew the longest pause could stay
	// behind the other two forever.
	counts := map[string]int{}
	for range 300 {
		pass(10 * time.Millisecond)
		for address, n := range asked(t, h, 1) {
			counts[address] += n
		}
	}
	if len(counts) != 3 {
		t.Errorf("asked were %v", counts)
	}
}

func TestTheSameAddressTwiceIsOneHost(t *testing.T) {
	h, _ := fakeHosts(t, "http://user:secret@a:1/x", "http://a:1/y")
	if h.markDown("http://a:1", h.now()) {
		t.Error("the same host is said to be up")
	}
}

func TestAHostThatIsBackIsLoggedOnce(t *testing.T) {
	h, pass := fakeHosts(t, "http://a:1", "http://b:1")
	var told []string
	var away time.Duration
	h.onUp = func(address string, since time.Time) {
		told, away = append(told, address), h.now().Sub(since)
	}
	h.markUp("http://a:1")
	h.markDown("http://a:1", h.now())
	pass(time.Second)
	h.markDown("http://a:1", h.now())
	pass(time.Second)
	h.markUp("http://a:1")
	h.markUp("http://a:1")
	if len(told) != 1 || told[0] != "http://a:1" || away != 2*time.Second {
		t.Errorf("told %v, away for %s", told, away)
	}
}
