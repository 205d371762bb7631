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

// newCredential picks what the options give; package config has made sure that
// it is one.
//
// Possible errors: *OptionError for a token file that can't be used.
func newCredential(o Options) (credential, error) {
	fixed := func(option, value string) credential { return credential{option, func() string { return value }} }
	switch {
	case o.TokenFile != "":
		return newTokenFile(o)
	case o.APIKey != "" && strings.Contains(o.APIKey, ":"):
		return fixed("HTTP_API_Key", "ApiKey "+base64.StdEncoding.EncodeToString([]byte(o.APIKey))), nil
	case o.APIKey != "":
		return fixed("HTTP_API_Key", "ApiKey "+o.APIKey), nil
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

// newTokenFile reads the token anew when the file changes, as Kubernetes' token
// files do before they expire.
func newTokenFile(o Options) (credential, error) {
	const option = "Bearer_Token_File"
	var value atomic.Value
	file := &watched{paths: []string{o.TokenFile}}
	file.use = func(contents [][]byte) error {
		token := strings.TrimSpace(string(contents[0]))
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return errors.New("must hold one token, without white space in it") // and is not quoted
		}
		value.Store("Bearer " + token)
		return nil
	}
	file.complain = func(err error) { o.trouble(option, err) }
	if err := file.check(); err != nil {
		if problem, ok := errors.AsType[*os.PathError](err); ok {
			err = unreadable(problem)
		}
		return credential{}, &OptionError{Option: option, Value: o.TokenFile, Err: err}
	}
	return credential{option, func() string {
		_ = file.check() // it complains itself, and the token that was read before stays
		return value.Load().(string)
	}}, nil
}

// OptionError is what is wrong with what an option names, found outside the
// configuration: in a file.
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
