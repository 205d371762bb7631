package elastic

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

// credential is who asks: the value of a request's Authorization.
type credential struct {
	// option is the setting that gives it, for messages; "" for none.
	option string
	// value is the header's, "" where it comes from elsewhere, such as user info in a host's URL.
	value func() string
}

// newCredential returns the one credential of the options; package config rejects a second one.
//
// Possible errors: *OptionError for a token file that can't be used.
func newCredential(o Options) (credential, error) {
	fixed := func(option, value string) credential { return credential{option, func() string { return value }} }
	switch {
	case o.TokenFile != "":
		return newFileCredential(o, credentialFile{"Bearer_Token_File", o.TokenFile, bearer})
	case o.APIKeyFile != "":
		return newFileCredential(o, credentialFile{"HTTP_API_Key_File", o.APIKeyFile, apiKey})
	case o.APIKey != "":
		return fixed("HTTP_API_Key", apiKey(o.APIKey)), nil
	case o.User != "":
		option := "HTTP_User and HTTP_Passwd"
		if o.UserOption != "" {
			option = o.UserOption
		}
		return fixed(option, "Basic "+base64.StdEncoding.EncodeToString([]byte(o.User+":"+o.Password))), nil
	case o.Header.Get("Authorization") != "":
		return fixed("Authorization in Headers", ""), nil
	case o.Sign != nil:
		return fixed("AWS_Auth", ""), nil
	}
	for _, host := range o.Hosts {
		if host.User != nil {
			return fixed("the user in Hosts", ""), nil
		}
	}
	return fixed("", ""), nil
}

func bearer(token string) string { return "Bearer " + token }

// apiKey takes a key encoded, as Elasticsearch prints it, or as "id:key".
func apiKey(key string) string {
	if strings.Contains(key, ":") {
		key = base64.StdEncoding.EncodeToString([]byte(key))
	}
	return apiKeyScheme + key
}

const apiKeyScheme = "ApiKey "

// credentialFile is a file that an option names, and the header's value made of
// the one word in it.
type credentialFile struct {
	option, path string
	value        func(word string) string
}

// newFileCredential reads the file anew when it changes, as Kubernetes' token
// files do before they expire.
//
// Possible errors: *OptionError.
func newFileCredential(o Options, from credentialFile) (credential, error) {
	var value atomic.Value
	file := &watchedFiles{paths: []string{from.path}}
	file.apply = func(contents [][]byte) error {
		word := strings.TrimSpace(string(contents[0]))
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return errors.New("must hold one token or key, without white space in it") // and is not quoted
		}
		value.Store(from.value(word))
		return nil
	}
	file.onError = func(err error) { o.fileError(from.option, err) }
	if err := file.check(); err != nil {
		if problem, ok := errors.AsType[*os.PathError](err); ok {
			err = readError(problem)
		}
		return credential{}, &OptionError{Option: from.option, Value: from.path, Err: err}
	}
	return credential{from.option, func() string {
		_ = file.check() // it reports errors itself, and the previous content stays
		return value.Load().(string)
	}}, nil
}

// OptionError is a fault of an option's file.
type OptionError struct {
	Option, Value string
	Err           error
}

func (e *OptionError) Error() string { return fmt.Sprintf("elastic: %s: %v", e.Option, e.Err) }

func (e *OptionError) Unwrap() error { return e.Err }

// set gives a request its Authorization.
func (c credential) set(header http.Header) {
	if value := c.value(); value != "" {
		header.Set("Authorization", value)
	}
}
