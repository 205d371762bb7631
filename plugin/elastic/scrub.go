package elastic

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// shortestSecret is the minimum length of a secret that is searched in foreign texts: shorter ones
// occur in any sentence.
const shortestSecret = 4

// secretsOf lists the secrets in all forms in which they travel. No text of ours contains them; a
// quoted answer could, if it repeats the request.
func secretsOf(o Options) []string {
	var secrets []string
	add := func(text string) { secrets = appendForms(secrets, text) }
	login := func(user, password string) {
		if password != "" {
			add(user + ":" + password)
			add(password)
		}
	}
	login(o.User, o.Password)
	for _, one := range append([]*url.URL{o.Proxy}, o.Hosts...) {
		if one != nil && one.User != nil {
			password, _ := one.User.Password()
			login(one.User.Username(), password)
		}
	}
	for _, form := range keyForms(o.APIKey) {
		add(form)
	}
	add(o.TLS.KeyPassword)
	add(o.SignSecret)
	for _, values := range o.Header {
		for _, value := range values {
			add(value)
		}
	}
	return secrets
}

// secrets are those of a credential that may change: the present content of its file.
func (c credential) secrets() (secrets []string) {
	scheme, current, found := strings.Cut(c.value(), " ")
	if !found {
		return nil
	}
	forms := []string{current}
	if scheme+" " == apiKeyScheme {
		forms = keyForms(current)
	}
	for _, form := range forms {
		secrets = appendForms(secrets, form)
	}
	return secrets
}

// appendForms appends a secret in each encoding in which an answer may quote it.
func appendForms(secrets []string, text string) []string {
	if len(text) < shortestSecret {
		return secrets
	}
	return append(secrets, text, url.QueryEscape(text), url.PathEscape(text), base64.StdEncoding.EncodeToString([]byte(text)))
}

// keyForms are an API key, decoded, and its secret half.
func keyForms(key string) []string {
	forms := []string{key}
	if decoded, err := base64.StdEncoding.DecodeString(key); err == nil {
		key = string(decoded)
		forms = append(forms, key)
	}
	if _, half, found := strings.Cut(key, ":"); found {
		forms = append(forms, half)
	}
	return forms
}

// Scrub removes secrets from a foreign text.
func (c *Client) Scrub(text string) string {
	for _, secret := range append(c.secrets[:len(c.secrets):len(c.secrets)], c.credential.secrets()...) {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}
