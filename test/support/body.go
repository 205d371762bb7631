package support

import (
	"compress/gzip"
	"io"
	"net/http"
)

// ReadBody returns the body of a request to a stand-in for Elasticsearch, unpacked where its header
// says gzip. A body that cannot be read is answered by 400, as Elasticsearch does, and ReadBody
// reports false.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return nil, false
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return nil, false
	}
	return text, true
}
