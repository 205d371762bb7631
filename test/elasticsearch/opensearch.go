package elasticsearch

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// arrangeOpenSearchSecurity puts the jars of the security plugin on the class path, and keeps its
// folder of configuration:
//
//	home/jars/*.jar
//	home/security-config/*.yml
func arrangeOpenSearchSecurity(home string, _ jdk, _ string) error {
	archives, _ := filepath.Glob(filepath.Join(home, "security", "*.zip"))
	if len(archives) != 1 {
		return fmt.Errorf("%d archives of the security plugin", len(archives))
	}
	jars, _ := filepath.Glob(filepath.Join(home, "security", "*.jar"))
	for _, jar := range jars {
		if err := os.Rename(jar, filepath.Join(home, "jars", filepath.Base(jar))); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(home, "security-config"), 0o755); err != nil {
		return err
	}
	archive, err := zip.OpenReader(archives[0])
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, file := range archive.File {
		name := path.Base(file.Name)
		switch {
		case strings.HasSuffix(name, ".jar") && !hasJar(filepath.Join(home, "jars"), name):
			err = extract(file, filepath.Join(home, "jars", name))
		case strings.HasPrefix(file.Name, "config/") && strings.HasSuffix(name, ".yml"):
			err = extract(file, filepath.Join(home, "security-config", name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasJar reports whether a jar of that name is there, in whichever version.
func hasJar(folder, name string) bool {
	for i := 1; i < len(name); i++ {
		if name[i-1] == '-' && name[i] >= '0' && name[i] <= '9' {
			there, _ := filepath.Glob(filepath.Join(folder, name[:i]+"[0-9]*.jar"))
			return len(there) > 0
		}
	}
	return false
}

func extract(file *zip.File, to string) error {
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, from)
	return err
}

// configureOpenSearchSecurity has the plugin make its index from the files that it comes with, but
// for the users: one, admin.
func configureOpenSearchSecurity(config, home string, security *Security) (map[string]string, error) {
	if err := security.write(config); err != nil {
		return nil, err
	}
	folder := filepath.Join(config, "opensearch-security")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(home, "security-config"))); err != nil && !os.IsExist(err) { // it has been started before
		return nil, err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(security.Password), bcrypt.MinCost)
	if err != nil {
		return nil, err
	}
	users := fmt.Sprintf("_meta:\n  type: internalusers\n  config_version: 2\nadmin:\n  hash: %q\n  reserved: true\n  backend_roles: [admin]\n", hash)
	if err := os.WriteFile(filepath.Join(folder, "internal_users.yml"), []byte(users), 0o600); err != nil {
		return nil, err
	}
	settings := map[string]string{
		"plugins.security.ssl.http.enabled":                            "true",
		"plugins.security.ssl.transport.enforce_hostname_verification": "false",
		"plugins.security.allow_default_init_securityindex":            "true",
		"plugins.security.allow_unsafe_democertificates":               "true",
		"plugins.security.nodes_dn":                                    "CN=localhost",
		"plugins.security.authcz.admin_dn":                             "CN=admin",
		"plugins.security.restapi.roles_enabled":                       "all_access",
	}
	for _, layer := range []string{"http", "transport"} {
		settings["plugins.security.ssl."+layer+".pemcert_filepath"] = certificateFile
		settings["plugins.security.ssl."+layer+".pemkey_filepath"] = keyFile
		settings["plugins.security.ssl."+layer+".pemtrustedcas_filepath"] = authorityFile
	}
	return settings, nil
}
