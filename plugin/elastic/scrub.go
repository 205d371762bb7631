package elastic

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// shortestSecret is what is looked for in others' texts: what is shorter stands
// in any sentence.
const shortestSecret = 4

// secretsOf lists what must not be told, in the forms in which it travels. No
// text of ours has it; an answer that is quoted could, were it to repeat the
// request.
func secretsOf(o Options) []string {
	var secrets []string
	add := func(text string) {
		if len(text) >= shortestSecret {
			secrets = append(secrets, text, url.QueryEscape(text), url.PathEscape(text), base64.StdEncoding.EncodeToString([]byte(text)))
		}
	}
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
	key := o.APIKey
	add(key)
	if decoded, err := base64.StdEncoding.DecodeString(key); err == nil {
		key = string(decoded)
		add(key)
	}
	if _, half, found := strings.Cut(key, ":"); found {
		add(half)
	}
	add(o.TLS.KeyPassword)
	add(o.Hidden)
	for _, values := range o.Header {
		for _, value := range values {
			add(value)
		}
	}
	return secrets
}

// Scrub takes secrets out of a text that somebody else wrote.
func (c *Client) Scrub(text string) string {
	secrets := c.secrets
	if _, current, found := strings.Cut(c.credential.value(), " "); found {
		secrets = append(secrets[:len(secrets):len(secrets)], current)
	}
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}
