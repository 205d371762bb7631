package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"out_es/lint"
	"out_es/lint/sections"
	"out_es/test/artifacts/image"
	"out_es/test/artifacts/sharedobject"
	"out_es/test/support"
)

const root = "../../../"

func dockerfile(t *testing.T) (all []image.Instruction, arguments map[string]string) {
	t.Helper()
	all, err := image.Read(root + "Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	arguments = map[string]string{"TARGETARCH": runtime.GOARCH}
	for _, i := range all {
		if name, value, _ := strings.Cut(i.Value, "="); i.Name == "ARG" && arguments[name] == "" {
			arguments[name] = value
		}
	}
	return all, arguments
}

// TestTheBuildStage works like the engine: it copies the files that the Dockerfile copies, and no
// others, into an empty folder, runs the steps there, and checks the result. It leaves out one
// step, which installs the other architecture's compiler.
func TestTheBuildStage(t *testing.T) {
	support.LongForm(t)
	all, arguments := dockerfile(t)
	folder := t.TempDir()
	var ran []string
	for _, i := range image.Stage(all, 0) {
		switch words := strings.Fields(i.Value); i.Name {
		case "COPY":
			to := filepath.Join(folder, words[len(words)-1])
			for _, from := range words[:len(words)-1] {
				copyTree(t, root+from, to)
			}
		case "RUN":
			ran = append(ran, strings.Fields(i.Value)[0])
			step := exec.Command("sh", "-ec", i.Value)
			step.Dir = folder
			step.Env = os.Environ()
			for name, value := range arguments {
				step.Env = append(step.Env, name+"="+value)
			}
			if out, err := step.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", i.Value, err, out)
			}
		}
	}
	if !slices.Equal(ran, []string{"go", "case", "make"}) {
		t.Errorf("the steps are %q: see that this test still runs them all", ran)
	}
	for _, plugin := range variants(t, "PLUGIN") {
		arguments["PLUGIN"] = plugin
		for _, i := range image.Stage(all, 1) {
			if i.Name == "COPY" {
				checkCopy(t, image.Expand(i.Value, arguments), folder)
			}
		}
	}
}

// checkCopy checks the source of a COPY of the last stage: it exists, and Fluent Bit's image can
// load the plugin.
func checkCopy(t *testing.T, value, built string) {
	t.Helper()
	words := strings.Fields(value)
	for _, from := range words[:len(words)-1] {
		path, ok := strings.CutPrefix(from, "/src/")
		switch {
		case ok:
			path = filepath.Join(built, path)
		case strings.HasPrefix(from, "--"):
			continue
		default:
			path = root + from
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("COPY %s: %v", value, err)
		}
		if filepath.Ext(path) != ".so" {
			continue
		}
		if to := words[len(words)-1]; to != "/usr/lib/out_es.so" {
			t.Errorf("COPY %s: -e out_es.so would not find it", value)
		}
		facts, err := sharedobject.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range facts.Unfit() {
			if !strings.Contains(fault, "asks for GLIBC") || !newerThanTheImage(t) {
				t.Errorf("%s: %s", from, fault)
			}
		}
	}
}

// variants are the values of an ARG: its default, and those that the Dockerfile's first comment
// builds with.
func variants(t *testing.T, argument string) []string {
	t.Helper()
	_, arguments := dockerfile(t)
	text, err := os.ReadFile(root + "Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{arguments[argument]}
	for _, match := range regexp.MustCompile(`--build-arg `+argument+`=(\S+)`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, match[1])
	}
	return all
}

// TestVariants compares all documented build arguments with the Dockerfile's ARGs: an engine only
// warns of an unknown one, and builds the ordinary image.
func TestVariants(t *testing.T) {
	if got := variants(t, "PLUGIN"); !slices.Equal(got, []string{"out_es", "out_es_aws"}) {
		t.Errorf("the image is built with the plugins %q", got)
	}
	if got := variants(t, "VARIANT"); !slices.Equal(got, []string{"", "-debug"}) {
		t.Errorf("the image is built on the variants %q", got)
	}
	_, arguments := dockerfile(t)
	for _, page := range []string{"Dockerfile", "README.md", "docs/security.md", "deploy/README.md", ".github/workflows/ci.yml"} {
		text, err := os.ReadFile(root + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`--build-arg\s+([A-Z_]+)=([^\s`+"`"+`]*)`).FindAllStringSubmatch(string(text), -1) {
			if _, known := arguments[match[1]]; !known {
				t.Errorf("%s: the Dockerfile has no ARG %s", page, match[1])
			}
			if (match[1] == "PLUGIN" || match[1] == "VARIANT") && !slices.Contains(variants(t, match[1]), match[2]) {
				t.Errorf("%s: there is no %s", page, match[0])
			}
		}
	}
}

// copyTree copies as COPY does: a folder's contents into to, a file into the folder to.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	source := from
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		source += "/."
	}
	if out, err := exec.Command("sh", "-c", `mkdir -p "$2" && cp -r "$1" "$2"`, "sh", source, to).CombinedOutput(); err != nil {
		t.Fatalf("COPY %s: %v\n%s", from, err, out)
	}
}

func newerThanTheImage(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command("getconf", "GNU_LIBC_VERSION").Output()
	if err != nil {
		t.Skipf("this machine has no GNU C library: %v", err)
	}
	return sharedobject.Newer(regexp.MustCompile(`[0-9.]+`).FindString(string(out)), sharedobject.ImageGLIBC)
}

func TestImagesArePinned(t *testing.T) {
	all, arguments := dockerfile(t)
	var bases []string
	for _, i := range all {
		if i.Name == "FROM" {
			words := strings.Fields(i.Value)
			if strings.HasPrefix(words[0], "--") {
				words = words[1:]
			}
			bases = append(bases, image.Expand(words[0], arguments))
		}
	}
	pinned := regexp.MustCompile(`:\d+\.\d+\.\d+(-[a-z]+)?$`)
	for _, base := range bases {
		if !pinned.MatchString(base) {
			t.Errorf("%s is not pinned to a version", base)
		}
	}
	module, err := os.ReadFile(root + "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if line := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module)); !strings.HasPrefix(bases[0], "golang:"+line[1]+".") || !strings.HasSuffix(bases[0], "-bookworm") {
		t.Errorf("go.mod wants Go %s, and the .so a C library as old as Debian 12's; the image is built with %s", line[1], bases[0])
	}
}

// TestTheCommandOfTheImage compares the image's command and variables with its configuration.
func TestTheCommandOfTheImage(t *testing.T) {
	all, _ := dockerfile(t)
	last := image.Stage(all, 1)
	command := last[len(last)-1]
	if command.Name != "CMD" || !strings.Contains(command.Value, `"-e", "out_es.so"`) {
		t.Errorf("the command is %s", command.Value)
	}
	for _, i := range last {
		if words := strings.Fields(i.Value); i.Name == "COPY" && strings.HasSuffix(words[len(words)-2], ".conf") && !strings.Contains(command.Value, words[len(words)-1]) {
			t.Errorf("the command does not run %s", words[len(words)-1])
		}
		if i.Name == "ENV" {
			for setting := range strings.FieldsSeq(i.Value) {
				name, value, _ := strings.Cut(setting, "=")
				t.Setenv(name, value)
			}
		}
	}
	t.Setenv("ES_HOSTS", "http://elasticsearch:9200")
	optional := regexp.MustCompile(`ES_(USER|PASSWORD|API_KEY|AWS_AUTH)`)
	report, err := lint.File(root + "deploy/image/fluent-bit.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Severity != lint.Note || !optional.MatchString(f.Message) {
			t.Error(f)
		}
	}
}

// TestCompose checks the mounts and commands of the compose file.
func TestCompose(t *testing.T) {
	const folder = root + "deploy/compose/"
	text, err := os.ReadFile(folder + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image, Build string
			Command      []string
			Environment  map[string]string
			Volumes      []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for name, service := range file.Services {
		if service.Build == "" && !regexp.MustCompile(`^(elasticsearch|kibana):\d+\.\d+\.\d+$`).MatchString(service.Image) {
			t.Errorf("%s: %q is not pinned to a version", name, service.Image)
		}
		for _, volume := range service.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if _, named := file.Volumes[from]; named {
				continue
			}
			if _, err := os.Stat(folder + from); err != nil {
				t.Errorf("%s mounts %s: %v", name, from, err)
			}
		}
	}
	if file.Services["elasticsearch"].Image[len("elasticsearch"):] != file.Services["kibana"].Image[len("kibana"):] {
		t.Error("Elasticsearch and Kibana must have the same version")
	}
	agent := file.Services["fluent-bit"]
	if _, err := os.Stat(folder + agent.Build + "/Dockerfile"); err != nil {
		t.Error(err)
	}
	configuration := strings.Replace(agent.Command[len(agent.Command)-1], agent.Environment["EXAMPLES_DIR"], root+"examples", 1)
	read, err := sections.Read(configuration, func(name string) (string, bool) {
		value, ok := agent.Environment[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range read.Sections {
		for _, p := range s.Properties {
			for _, name := range p.Unset {
				if _, empty := agent.Environment[name]; !empty {
					t.Errorf("%s: %s uses %s, which the compose file does not set", p.Position, p.Written, name)
				}
			}
		}
	}
}
