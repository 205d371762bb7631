package elasticsearch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"out_es/test/support"
)

// findMaven returns the path of mvn: on PATH, else in MAVEN_HOME. The error is a *MissingToolError.
func findMaven() (string, error) {
	if mvn, err := exec.LookPath("mvn"); err == nil {
		return mvn, nil
	}
	if home := os.Getenv("MAVEN_HOME"); home != "" {
		if mvn := filepath.Join(home, "bin", "mvn"); isFile(mvn) {
			return mvn, nil
		}
	}
	return "", &MissingToolError{
		Tool:   "Maven (mvn)",
		Found:  "it fetches Elasticsearch's jars once, and is neither on PATH nor in MAVEN_HOME",
		Debian: "apt-get install maven",
		MacOS:  "brew install maven",
	}
}

// copyJars puts the jars that the pom asks for, and what they depend on, into the folder jars.
// Possible errors: mvn is missing; it failed, with what it said.
func copyJars(ctx context.Context, java jdk, pom, version, jars string) error {
	mvn, err := findMaven()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "--batch-mode", "--quiet", "--file", pom,
		"-Dserver.version="+version,
		"-DoutputDirectory="+jars,
		"dependency:copy-dependencies")
	cmd.Dir = filepath.Dir(pom)
	cmd.Env = append(os.Environ(), "JAVA_HOME="+java.home)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("elasticsearch: Maven could not fetch version %s (%w); does the version exist, "+
			"and does `mvn` reach Maven Central or its mirror from here? It said:\n%s", version, err, support.LastLines(string(out), 15))
	}
	return nil
}
