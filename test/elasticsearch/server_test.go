package elasticsearch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_es/test/support"
)

// startForTest is ForTest without ES_URL: these tests are about servers of our own.
func startForTest(t *testing.T, options Options) *Server {
	t.Helper()
	t.Setenv("ES_URL", "")
	return ForTest(t, options)
}

func index(t *testing.T, server *Server, message string) {
	t.Helper()
	bulk := fmt.Sprintf("{\"create\":{\"_index\":\"survivors\"}}\n{\"message\":%q}\n", message)
	answer, err := server.Do(t.Context(), http.MethodPost, "/_bulk", []byte(bulk))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(answer), `"errors":false`) {
		t.Fatalf("not indexed: %s", answer)
	}
}

func TestDataSurvives(t *testing.T) {
	support.LongForm(t)
	endings := map[string]func(*Server) error{"stop": (*Server).Stop, "kill -9": (*Server).Kill}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			first := startForTest(t, Options{DataDir: t.TempDir()})
			index(t, first, name)
			if err := end(first); err != nil {
				t.Fatal(err)
			}
			if _, err := first.Count(t.Context(), "survivors"); err == nil {
				t.Fatal("it still answers")
			}

			second := startForTest(t, first.Options())
			if second.URL() != first.URL() {
				t.Errorf("came back at %s, was at %s", second.URL(), first.URL())
			}
			hits, err := second.Search(t.Context(), "survivors", `{"query":{"match_all":{}}}`)
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf(`{"message":%q}`, name)
			if len(hits) != 1 || string(hits[0].Source) != want {
				t.Errorf("found %s, want one document %s", hits, want)
			}
		})
	}
}

func TestTwoServersAtOnce(t *testing.T) {
	support.LongForm(t)
	one, two := startForTest(t, Options{}), startForTest(t, Options{Heap: "256m"})
	if one.URL() == two.URL() {
		t.Fatalf("both at %s", one.URL())
	}
	index(t, one, "only here")
	for server, want := range map[*Server]int{one: 1, two: 0} {
		if err := server.Refresh(t.Context(), "survivors"); err != nil {
			t.Fatal(err)
		}
		if count, err := server.Count(t.Context(), "survivors"); err != nil || count != want {
			t.Errorf("%s holds %d documents, %v; want %d", server.URL(), count, err, want)
		}
	}
}

func TestStopRemovesTemporaryData(t *testing.T) {
	server := startForTest(t, Options{})
	dir := server.Options().DataDir
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
}

func TestSettingsReachTheNode(t *testing.T) {
	server := startForTest(t, Options{Settings: map[string]string{"http.max_content_length": "1kb"}})
	_, err := server.Do(t.Context(), http.MethodPost, "/_bulk", make([]byte, 4<<10))
	var status *StatusError
	if !errors.As(err, &status) || status.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("4 KB answered with %v, want 413", err)
	}
}

func TestStartFailsPlainly(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	cases := map[string]struct {
		options Options
		says    []string
	}{
		"unknown version": {Options{Version: "1.2.3"}, []string{`"1.2.3"`, DefaultVersion, "ES_URL"}},
		"port taken":      {Options{Port: port}, []string{strconv.Itoa(port), "choose another"}},
		"unknown setting": {Options{Settings: map[string]string{"no.such": "x"}}, []string{"unknown setting [no.such]"}},
		"absurd heap":     {Options{Heap: "lots"}, []string{"Invalid maximum heap size"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server, err := Start(t.Context(), c.options)
			if err == nil {
				server.Kill()
				t.Fatal("it started")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error doesn't say %q:\n%v", part, err)
				}
			}
		})
	}
}

func TestUseLeavesAServerThatIsNotOursAlone(t *testing.T) {
	own := startForTest(t, Options{})
	t.Setenv("ES_URL", own.URL()+"/")
	used, err := Use(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := used.Stop(); err != nil {
		t.Error(err)
	}
	if err := used.Kill(); err == nil {
		t.Error("Kill of a server that isn't ours is no error")
	}
	if _, err := own.Count(t.Context(), "_all"); err != nil {
		t.Errorf("it no longer answers: %v", err)
	}
}

func TestUseNamesESURLWhenNothingAnswers(t *testing.T) {
	t.Setenv("ES_URL", "http://user:secret@127.0.0.1:1")
	_, err := Use(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "ES_URL") || strings.Contains(err.Error(), "secret") {
		t.Errorf("want an error that names ES_URL and not the password, got: %v", err)
	}
}

// childVariable makes this test's own binary the program that TestNothingOutlivesAKilledProgram
// kills.
const childVariable = "OUT_ES_TEST_STARTS_A_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	server, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.URL(), server.Options().DataDir)
	select {} // until killed
}

func TestNothingOutlivesAKilledProgram(t *testing.T) {
	support.LongForm(t)
	startForTest(t, Options{}).Stop() // everything fetched, or the test skipped
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	child.Process.Kill()
	child.Wait()
	url, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
	if !ok {
		t.Fatalf("the child said %q", line)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, httpErr := http.Get(url)
		_, dirErr := os.Stat(dir)
		if httpErr != nil && errors.Is(dirErr, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("30 s after its program was killed: %s answers: %v; %s exists: %v", url, httpErr == nil, dir, dirErr == nil)
		}
	}
}
