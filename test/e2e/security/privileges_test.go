package security

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/host"
)

// documentedRole is a role as a command of docs/security.md makes it.
type documentedRole struct {
	name string
	e2e.Role
}

var roleCommand = regexp.MustCompile(`(?s)\$ES_URL(/_security/role/|/_plugins/_security/api/roles/)(\w+)" -d '(.*?)'`)

// documentedRoles runs the page's commands for the server under test, and returns what they made.
func documentedRoles(t *testing.T, s *e2e.SecuredServer) []documentedRole {
	t.Helper()
	page, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var roles []documentedRole
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if strings.Contains(block[1], "/_plugins/") != s.IsOpenSearch() {
			continue
		}
		run := exec.CommandContext(t.Context(), "sh", "-e", "-c", block[1])
		run.Env = append(os.Environ(), "CA="+s.CAFile, "ADMIN="+s.Admin()+":"+e2e.AdminPassword, "ES_URL="+s.Address())
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, block[1])
		}
		for _, command := range roleCommand.FindAllStringSubmatch(block[1], -1) {
			var body struct {
				Indices []struct{ Names, Privileges []string }
				Cluster []string `json:"cluster_permissions"`
				Index   []struct {
					Patterns []string `json:"index_patterns"`
					Actions  []string `json:"allowed_actions"`
				} `json:"index_permissions"`
			}
			if err := json.Unmarshal([]byte(command[3]), &body); err != nil {
				t.Fatal(err)
			}
			role := documentedRole{name: command[2]}
			role.Cluster = body.Cluster
			for _, i := range body.Indices {
				role.Indices, role.Index = i.Names, i.Privileges
			}
			for _, i := range body.Index {
				role.Indices, role.Index = i.Patterns, i.Actions
			}
			roles = append(roles, role)
		}
	}
	if len(roles) != 2 {
		t.Fatalf("docs/security.md makes %d roles, want 2", len(roles))
	}
	return roles
}

// destination is where a trial writes: a name that is new.
type destination struct {
	kind    string
	options []string
	name    string
	stream  bool
}

func destinations(n int) []destination {
	index, stream := fmt.Sprintf("logstash-p%d.", n), fmt.Sprintf("p%d.", n)
	return []destination{
		{"index", []string{"Index " + index}, index, false},
		{"data stream", []string{"Data_Stream on", "Data_Stream_Dataset " + stream}, "logs-" + stream + "-default", true},
	}
}

// TestFewestPrivileges: what docs/security.md says is enough, and nothing of it can be left out.
func TestFewestPrivileges(t *testing.T) {
	s := e2e.Secured(t)
	s.StreamTemplate(t, "privileges", "logs-*-*")
	trial := 0
	for _, role := range documentedRoles(t, s) {
		there := role.name == "es_go_writes"
		try := func(user string, d destination) es.Outcome {
			t.Helper()
			if there {
				prepare(t, s, d)
			}
			i := e2e.NewInstance(t, append(s.SignIn(user, "user-Password/17+x"), d.options...)...)
			defer i.Close()
			return i.Flush("app", e2e.ChunkOf(t, host.Nested, 0, 2))
		}
		s.PutUser(t, role.name, "user-Password/17+x", role.name)
		trial++
		for _, d := range destinations(trial) {
			if got := try(role.name, d); got != es.OK {
				t.Errorf("%s, %s: the flush answered %v", role.name, d.kind, got)
			}
			want := 2
			if there && d.stream {
				want++ // prepare's own
			}
			e2e.EventuallyCount(t, s.Server, d.name, want, time.Minute)
		}
		for what, list := range map[string][]string{"cluster": role.Cluster, "index": role.Index} {
			for i, privilege := range list {
				trial++
				less := role.Role
				rest := slices.Delete(slices.Clone(list), i, i+1)
				if what == "cluster" {
					less.Cluster = rest
				} else {
					less.Index = rest
				}
				user := fmt.Sprintf("%s_less_%d", role.name, trial)
				s.PutRole(t, user, less)
				s.PutUser(t, user, "user-Password/17+x", user)
				var refused []string
				for _, d := range destinations(trial) {
					if try(user, d) == es.Retry {
						refused = append(refused, d.kind)
					}
				}
				if len(refused) < 2 {
					t.Errorf("%s without %s: something arrives, it can be left out", role.name, privilege)
				}
				t.Logf("%s without %s: nothing arrives in %v", role.name, privilege, refused)
			}
		}
	}
}

// prepare makes a destination with all fields mapped.
func prepare(t *testing.T, s *e2e.SecuredServer, d destination) {
	t.Helper()
	const mappings = `{"@timestamp":{"type":"date"},"n":{"type":"long"},"message":{"type":"keyword"},"data_stream":{"properties":{
		"type":{"type":"keyword"},"dataset":{"type":"keyword"},"namespace":{"type":"keyword"}}}}`
	if !d.stream {
		if err := s.PutIndex(t.Context(), d.name, `{"mappings":{"properties":`+mappings+`}}`); err != nil {
			t.Fatal(err)
		}
		return
	}
	document := `{"create":{"_index":"` + d.name + `"}}` + "\n" + `{"@timestamp":"2026-01-01T00:00:00Z","n":100}` + "\n"
	if _, err := s.Do(t.Context(), http.MethodPost, "/_bulk?refresh=true", []byte(document)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context(), http.MethodPut, "/"+d.name+"/_mapping", []byte(`{"properties":`+mappings+`}`)); err != nil {
		t.Fatal(err)
	}
}
