package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// containers write lines as a container runtime does, in turn, so many a second in all.
type containers struct {
	files []*bufio.Writer
	rate  int
	began time.Time
	lines int
}

func newContainers(folder string, number, rate int) (*containers, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	c := &containers{rate: rate, began: time.Now()}
	for i := range number {
		file, err := os.Create(filepath.Join(folder, fmt.Sprintf("shop-779986219f-%05d_shop_web-%064x.log", i, i)))
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, bufio.NewWriter(file))
	}
	return c, nil
}

// writeFor writes for a time, and calls each after every step.
func (c *containers) writeFor(d time.Duration, each func() error) error {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(tick) {
		for due := int(time.Since(c.began).Seconds() * float64(c.rate)); c.lines < due; c.lines++ {
			n, now := c.lines, time.Now().UTC().Format(time.RFC3339Nano)
			fmt.Fprintf(c.files[n%len(c.files)], `%s stdout F {"level":"info","ts":"%s","msg":"request done","http":{"method":"GET","path":"/api/v2/items/%d",`+
				`"status":200,"bytes":%d},"trace_id":"%032x","duration_ms":%d,"user":"u%d"}`+"\n", now, now, n, n*7, n, n%97, n%1000)
		}
		for _, file := range c.files {
			if err := file.Flush(); err != nil {
				return err
			}
		}
		if err := each(); err != nil {
			return err
		}
	}
	return nil
}

// describe answers as the API server does for a namespace, or a pod with five labels.
func describe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // api v1 namespaces NAMESPACE pods NAME
	switch len(path) {
	case 4:
		fmt.Fprintf(w, `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":%q,"labels":{"kubernetes.io/metadata.name":%q}}}`, path[3], path[3])
	case 6:
		fmt.Fprintf(w, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":%q,"namespace":%q,"uid":"6d1f5a4c-0a3a-4d5c-9a4e-0123456789ab","labels":{`+
			`"app.kubernetes.io/name":"shop","app.kubernetes.io/instance":"shop","app.kubernetes.io/version":"1.2.3","pod-template-hash":"779986219f",`+
			`"tier":"backend"}},"spec":{"nodeName":"node-1","containers":[{"name":"web","image":"registry.example.com/shop:1.2.3"}]},`+
			`"status":{"podIP":"10.0.0.7","containerStatuses":[{"name":"web","image":"registry.example.com/shop:1.2.3",`+
			`"imageID":"registry.example.com/shop@sha256:%064d","containerID":"containerd://%064d"}]}}`, path[5], path[3], 1, 1)
	default:
		http.NotFound(w, r)
	}
}
