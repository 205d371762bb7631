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

	es "out_es/plugin"
	"out_es/test/e2e"
	"out_es/test/host"
)

// namedRole is a role as a command of docs/security.md makes it.
type namedRole struct {
	name string
	e2e.Role
}

var roleCommand = regexp.MustCompile(`(?s)\$ES_URL(/_security/role/|/_plugins/_security/api/roles/)(\w+)" -d '(.*?)'`)

// documentedRoles runs the page's commands for the server under test, and returns their roles.
func documentedRoles(t *testing.T, s *e2e.SecuredServer) map[string]namedRole {
	t.Helper()
	page, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]namedRole{}
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
				Indices            []struct{ Names, Privileges []string }
				Cluster            []string
				ClusterPermissions []string `json:"cluster_permissions"`
				Index              []struct {
					Patterns []string `json:"index_patterns"`
					Actions  []string `json:"allowed_actions"`
				} `json:"index_permissions"`
			}
			if err := json.Unmarshal([]byte(command[3]), &body); err != nil {
				t.Fatal(err)
			}
			role := namedRole{name: command[2]}
			role.Cluster = append(body.Cluster, body.ClusterPermissions...)
			for _, i := range body.Indices {
				role.Indices, role.Index = i.Names, i.Privileges
			}
			for _, i := range body.Index {
				role.Indices, role.Index = i.Patterns, i.Actions
			}
			roles[role.name] = role
		}
	}
	if len(roles) != 3 {
		t.Fatalf("docs/security.md makes %d roles, want 3", len(roles))
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

// TestFewestPrivileges: the privileges of docs/security.md are enough, and none can be left out.
func TestFewestPrivileges(t *testing.T) {
	s := e2e.Secured(t)
	s.StreamTemplate(t, "streams", "logs-*-*")
	trial := 0
	roles := documentedRoles(t, s)
	for _, role := range []namedRole{roles["es_go_writes"], roles["es_go_creates"]} {
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
			e2e.EventuallyCount(t, s.Server, d.name, want)
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

// optionRow is a row of the page's table of options.
var optionRow = regexp.MustCompile("(?m)^\\| `((?:Write_Operation|Dead_Letter_Index|Template_File)[a-z ]*)` \\| (.*) \\| (.*) \\|$")

// TestPrivilegesOfOptions checks the table of docs/security.md about privileges that options need
// besides the role es_go_creates.
func TestPrivilegesOfOptions(t *testing.T) {
	s := e2e.Secured(t)
	page, err := os.ReadFile("../../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := optionRow.FindAllStringSubmatch(string(page), -1)
	if len(rows) != 6 {
		t.Fatalf("the table has %d rows, want 6", len(rows))
	}
	creates := documentedRoles(t, s)["es_go_creates"].Role
	for n, row := range rows {
		option, cell := row[1], row[2]
		if s.IsOpenSearch() {
			cell = row[3]
		}
		t.Run(option, func(t *testing.T) {
			more := creates
			switch named := backquoted(cell); {
			case strings.Contains(cell, "cluster"):
				more.Cluster = append(slices.Clone(creates.Cluster), named...)
			case strings.HasPrefix(cell, "also"):
				more.Index = append(slices.Clone(creates.Index), named...)
			case len(named) > 0:
				more.Index = named
			case strings.Contains(option, "Dead_Letter"):
				more.Indices = append(slices.Clone(creates.Indices), "dead-*")
			}
			for user, role := range map[string]e2e.Role{"option_more": more, "option_less": creates} {
				s.PutRole(t, user, role)
				s.PutUser(t, user, "user-Password/17+x", user)
				got := tryOption(t, s, user, option, fmt.Sprintf("%d.%s", n, strings.ReplaceAll(user, "_", ".")))
				if want := user == "option_more" || cell == "nothing else"; got != want {
					t.Errorf("%s, as %s: it works: %v, want %v", option, user, got, want)
				}
			}
		})
	}
	t.Run("the others", func(t *testing.T) {
		if _, err := s.Do(t.Context(), http.MethodPut, "/_ingest/pipeline/privileges", []byte(`{"processors":[]}`)); err != nil {
			t.Fatal(err)
		}
		i := e2e.NewInstance(t, append(s.SignIn("option_less", "user-Password/17+x"), "Index logstash-others", "Generate_ID on", "Routing r", "Pipeline privileges",
			"Spool_Path "+t.TempDir(), "Spool_Linger 10ms")...)
		defer i.Close()
		i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, 0, 10))
		e2e.EventuallyCount(t, s.Server, "logstash-others", 10)
	})
}

func backquoted(text string) (words []string) {
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			words = append(words, part)
		}
	}
	return words
}

// tryOption reports whether an option does its work for a user. unique is for names.
func tryOption(t *testing.T, s *e2e.SecuredServer, user, option, unique string) bool {
	t.Helper()
	index := "logstash-" + unique
	if err := s.PutIndex(t.Context(), index, e2e.FieldMappings); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if _, err := s.Do(t.Context(), http.MethodPut, fmt.Sprintf("/%s/_doc/%d", index, n), fmt.Appendf(nil, `{"n":%d}`, n)); err != nil {
			t.Fatal(err)
		}
	}
	options := append(s.SignIn(user, "user-Password/17+x"), "Index "+index)
	chunk := e2e.ChunkOf(t, host.Nested, 0, 2)
	done := func(*e2e.Instance) bool { return true }
	switch {
	case strings.HasPrefix(option, "Write_Operation"):
		options = append(options, option, "Id_Key n")
	case option == "Dead_Letter_Index":
		options = append(options, "Dead_Letter_Index dead-"+unique)
		chunk = e2e.ChunkWith(t, 2, func(i int, record string) string { return record[:len(record)-1] + `,"code":"no number"}` })
		done = func(*e2e.Instance) bool {
			_ = s.Refresh(t.Context(), "dead-"+unique)
			n, err := s.Count(t.Context(), "dead-"+unique)
			return err == nil && n == 2
		}
	case option == "Template_File":
		file := newRealm(t).file("template.json", []byte(`{"index_patterns":["`+index+`-x"]}`))
		options = append(options, "Template_Name "+index, "Template_File "+file)
		done = func(i *e2e.Instance) bool {
			i.Close()
			return i.Count("the index template "+index+" was installed") == 1
		}
	}
	i := e2e.NewInstance(t, options...)
	defer i.Close()
	return i.Flush("app", chunk) == es.OK && done(i)
}
