package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"out_es/test/host"
	"out_es/test/host/classic"
)

// Fluent Bit's defaults (include/fluent-bit/flb_config.h, flb_scheduler.h, src/flb_config.c).
const (
	defaultFlush = time.Second
	defaultGrace = 5 * time.Second
	defaultBase  = 5 * time.Second
	defaultCap   = 2000 * time.Second
)

// service has the settings of a [SERVICE] section.
type service struct {
	flush, grace        time.Duration
	retryBase, retryCap time.Duration
	logFile, logLevel   string
	stackBytes          int
}

func readService(s classic.Section) (service, error) {
	v := service{flush: defaultFlush, grace: defaultGrace, retryBase: defaultBase, retryCap: defaultCap,
		logFile: s.Get("log_file"), logLevel: s.Get("log_level")}
	for name, to := range map[string]*time.Duration{
		"flush": &v.flush, "grace": &v.grace, "scheduler.base": &v.retryBase, "scheduler.cap": &v.retryCap,
	} {
		text := s.Get(name)
		if text == "" {
			continue
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || seconds <= 0 {
			return v, fmt.Errorf("[SERVICE] %s %s: a number of seconds above 0 is needed", name, text)
		}
		*to = time.Duration(seconds * float64(time.Second))
	}
	if text := s.Get("coro_stack_size"); text != "" {
		bytes, err := strconv.Atoi(text)
		if err != nil || bytes < 4096 {
			return v, fmt.Errorf("[SERVICE] coro_stack_size %s: a number of bytes from 4096 is needed", text)
		}
		v.stackBytes = bytes
	}
	return v, nil
}

// input has the settings of a tail section.
type input struct {
	paths, excluded []string // patterns
	tag             string   // with a * that becomes the path
	json            bool     // Parser json
	fromHead        bool
}

// readInput reads the configuration's number-th input, counted from 0, and reports unknown
// properties.
func readInput(s classic.Section, number int, stderr io.Writer) (input, error) {
	if name := s.Get("name"); !strings.EqualFold(name, "tail") {
		return input{}, fmt.Errorf("[INPUT] Name %s: only tail is known here", name)
	}
	in := input{paths: list(s.Get("path")), excluded: list(s.Get("exclude_path")), tag: s.Get("tag")}
	if len(in.paths) == 0 {
		return in, fmt.Errorf("[INPUT] tail without a Path: name the files, such as /var/log/*.log")
	}
	if in.tag == "" {
		in.tag = fmt.Sprintf("tail.%d", number) // the name of the instance
	}
	switch parser := s.Get("parser"); strings.ToLower(parser) {
	case "":
	case "json":
		in.json = true
	default:
		return in, fmt.Errorf("[INPUT] Parser %s: only json, or none, is known here", parser)
	}
	in.fromHead = slices.Contains([]string{"on", "true", "yes"}, strings.ToLower(s.Get("read_from_head")))
	for _, kv := range s.Properties {
		if !slices.Contains([]string{"name", "path", "exclude_path", "tag", "parser", "read_from_head"}, kv[0]) {
			fmt.Fprintf(stderr, "host: [INPUT] tail: %s is ignored\n", kv[0])
		}
	}
	return in, nil
}

// list splits at commas, as Fluent Bit's comma-separated lists are.
func list(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// unlimited is a Retry_Limit without end.
const unlimited = -1

// retryLimit reads Retry_Limit as flb_output_set_property does: 1 where it is absent or makes no
// sense.
func retryLimit(text string) int {
	switch strings.ToLower(text) {
	case "no_limits", "false", "off":
		return unlimited
	case "no_retries":
		return 0
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return 1
}

// route is an output that is running, and the tags it gets.
type route struct {
	output     *host.Output
	name       string
	match      string
	retryLimit int
}

// makeRoutes makes every output, then initializes each. When one fails the rest get their Exit,
// even without an Init, as in Fluent Bit.
func makeRoutes(h *host.Host, sections []classic.Section, stderr io.Writer) ([]*route, error) {
	var routes []*route
	for _, s := range sections {
		if name := s.Get("name"); !strings.EqualFold(name, h.Name()) {
			fmt.Fprintf(stderr, "host: [OUTPUT] %s is ignored: only %s is loaded\n", name, h.Name())
			continue
		}
		if s.Get("match") == "" {
			fmt.Fprintf(stderr, "host: an [OUTPUT] %s has no Match and gets nothing (Match_Regex is not known here)\n", h.Name())
		}
		output, err := h.New(host.Instance{Properties: withoutName(s.Properties)})
		if err != nil {
			return routes, err
		}
		name := s.Get("alias")
		if name == "" {
			name = h.Name() + "." + strconv.Itoa(len(routes))
		}
		routes = append(routes, &route{output, name, s.Get("match"), retryLimit(s.Get("retry_limit"))})
	}
	if len(routes) == 0 {
		return nil, fmt.Errorf("no [OUTPUT] has the Name %s", h.Name())
	}
	for i, r := range routes {
		if err := r.output.Init(); err != nil {
			return slices.Delete(routes, i, i+1), fmt.Errorf("[OUTPUT] %s: %w", r.name, err)
		}
	}
	return routes, nil
}

// withoutName leaves out the plugin's name, which Fluent Bit doesn't pass on.
func withoutName(properties [][2]string) [][2]string {
	return slices.DeleteFunc(slices.Clone(properties), func(kv [2]string) bool { return kv[0] == "name" })
}
