package exchange

import (
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// AppendHead appends the head of a request with a body of that length.
func (p *Pool) AppendHead(dst []byte, req *http.Request, length int) []byte {
	dst = p.AppendFields(dst, req)
	if length > 0 || req.Method == http.MethodPost || req.Method == http.MethodPut {
		return AppendLength(dst, length)
	}
	return append(dst, "\r\n"...)
}

// AppendFields appends the request line and the header fields, to which others may be appended. The
// exchange itself sets the fields that frame the body: those of req are left out.
func (p *Pool) AppendFields(dst []byte, req *http.Request) []byte {
	dst = append(append(dst, req.Method...), ' ')
	if p.AbsoluteForm() {
		dst = append(append(append(dst, req.URL.Scheme...), "://"...), req.URL.Host...)
	}
	dst = append(append(dst, req.URL.RequestURI()...), " HTTP/1.1\r\n"...)
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	dst = AppendField(dst, "Host", host)
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer":
			continue
		}
		for _, value := range req.Header[name] {
			dst = AppendField(dst, name, value)
		}
	}
	if credential := p.proxyAuthorization(); credential != "" && p.AbsoluteForm() {
		dst = AppendField(dst, "Proxy-Authorization", credential)
	}
	return dst
}

// AppendField appends one header field.
func AppendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, oneLine.Replace(value)...), "\r\n"...)
}

// AppendLength appends the last field, the length of the body, and the head's end.
func AppendLength(dst []byte, length int) []byte {
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(length), 10)
	return append(dst, "\r\n\r\n"...)
}

// oneLine prevents a value from becoming more than one field.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// RoundTrip implements http.RoundTripper, for few and small requests. It reads the body into memory
// first.
//
// Possible errors: those of the body; *Error.
func (p *Pool) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		_ = req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	answer, err := p.Do(req.Context(), &Request{Method: req.Method, Head: p.AppendHead(nil, req, len(body)), Body: body})
	if err != nil {
		return nil, err
	}
	response := &http.Response{
		Status: strconv.Itoa(answer.Status()) + " " + http.StatusText(answer.Status()), StatusCode: answer.Status(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: answer.head.minor,
		Header: answer.header(), ContentLength: answer.head.length, Request: req,
	}
	response.Body = &responseBody{answer: answer}
	return response, nil
}

// responseBody is closed once, however often its reader closes it: after the first time the
// connection belongs to another exchange.
type responseBody struct{ answer *Answer }

func (b *responseBody) Read(p []byte) (int, error) {
	if b.answer == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.answer.Read(p)
}

func (b *responseBody) Close() error {
	answer := b.answer
	b.answer = nil
	if answer == nil {
		return nil
	}
	return answer.Close()
}
