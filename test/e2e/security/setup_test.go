package security

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_es/test/e2e"
	"out_es/test/host"
)

const setUpFolder = "../../../deploy/kubernetes/components/set-up"

// setUp runs the script of deploy's set-up job with the files that it mounts, and a credential from
// its environment.
func setUp(t *testing.T, s *e2e.SecuredServer, credential ...string) (out string, err error) {
	t.Helper()
	templates := t.TempDir()
	files, err := filepath.Glob("../../../deploy/templates/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file)) + "." + filepath.Base(file)
		if err := os.WriteFile(filepath.Join(templates, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "sh", filepath.Join(setUpFolder, "set-up.sh"))
	command.Env = append(append(os.Environ(), "ES_HOSTS="+s.Address(), "ES_CA_FILE="+s.CAFile, "SET_UP="+setUpFolder, "TEMPLATES="+templates, "PATIENCE=30"), credential...)
	text, err := command.CombinedOutput()
	return string(text), err
}

// keyOf is a credential with a role, for an output and for the set-up job: an API key, or a user
// where there are no keys.
func keyOf(t *testing.T, s *e2e.SecuredServer, name string, role e2e.Role) (options, environment []string) {
	t.Helper()
	if s.IsOpenSearch() {
		s.PutRole(t, name, role)
		s.PutUser(t, name, firstPassword, name)
		return s.SignIn(name, firstPassword), []string{"SETUP_USER=" + name, "ELASTIC_PASSWORD=" + firstPassword}
	}
	_, key := s.APIKey(t, name, "", role)
	return append(s.At(), "HTTP_API_Key "+key), []string{"SETUP_API_KEY=" + key}
}

// TestSetUpJobOfAKeyThatMayOnlyWrite: the job says which privilege is missing, and an agent with
// the same key delivers before and after. With the privileges of docs/security.md it does its work,
// and without any of them it names it.
func TestSetUpJobOfAKeyThatMayOnlyWrite(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing (Debian, Ubuntu: apt-get install curl)")
	}
	s := e2e.Secured(t)
	index, writes := writer(t, s)
	options, credential := keyOf(t, s, "set-up-writes", writes)
	i := e2e.NewInstance(t, append(options, "Index "+index)...)
	defer i.Close()
	i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, 0, 10))
	out, err := setUp(t, s, credential...)
	monitor := map[bool]string{false: "[monitor", true: "cluster:monitor/health"}[s.IsOpenSearch()]
	wantRejection(t, "a key that may only write", credential[0], monitor, out, err)
	i.MustDeliver(t, e2e.ChunkOf(t, host.Nested, 10, 10))
	e2e.WantRecords(t, s.Server, index, 20)

	role := documentedRoles(t, s)["es_go_sets_up"]
	_, credential = keyOf(t, s, "set-up", role.Role)
	t.Cleanup(func() { // other tests have templates of their own
		for _, name := range []string{"logs-es_go", "logstash-es_go", "heapster-es_go"} {
			_, _ = s.Do(context.WithoutCancel(t.Context()), http.MethodDelete, "/_index_template/"+name, nil)
		}
	})
	if out, err := setUp(t, s, credential...); err != nil || !strings.Contains(out, "the index template logs-es_go for ") || !strings.Contains(out, "set-up: done") {
		t.Errorf("with the documented privileges: %v\n%s", err, out)
	}
	for n, privilege := range role.Cluster {
		if slices.Contains(notAsked, privilege) {
			continue
		}
		less := role.Role
		less.Cluster = slices.Delete(slices.Clone(role.Cluster), n, n+1)
		_, credential := keyOf(t, s, "set-up-less", less)
		out, err := setUp(t, s, credential...)
		wantRejection(t, "without "+privilege, credential[0], privilege, out, err)
	}
}

// notAsked are privileges for features that the embedded servers lack: lifecycle policies.
var notAsked = []string{"manage_ilm", "cluster:admin/opendistro/ism/policy/write"}

// wantRejection checks that the job ended with a line that names the credential, the privilege and
// the remedy.
func wantRejection(t *testing.T, what, credential, privilege, out string, err error) {
	t.Helper()
	variable := "SETUP_API_KEY"
	if !strings.HasPrefix(credential, variable) {
		variable = "ELASTIC_PASSWORD"
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-1]
	for _, part := range []string{variable, "(status 403)", privilege, "docs/security.md"} {
		if err == nil || !strings.Contains(last, part) {
			t.Errorf("%s: the job ends with %v and %q, which lacks %q", what, err, last, part)
		}
	}
	t.Logf("%s: %s", what, last)
}
