package tool

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"out_es/plugin/bulk"
	"out_es/plugin/deliver"
	"out_es/plugin/elastic"
	"out_es/plugin/fluentbit"
	"out_es/plugin/report"
	"out_es/plugin/settings"
	"out_es/plugin/template"
)

// connection is the delivery of an instance, as the plugin puts it together.
type connection struct {
	client    *elastic.Client
	deliverer *deliver.Deliverer
	report    *report.Reporter

	host    *fluentbit.Instance
	stop    chan struct{}
	printer sync.WaitGroup
}

// linesEvery is how soon the plugin's log lines are shown.
const linesEvery = 200 * time.Millisecond

// connect returns the delivery of a section. The plugin's log lines go to log.
//
// Possible errors: faults of the options that name files.
func connect(s *settings.Settings, log io.Writer) (*connection, error) {
	host := fluentbit.Standalone("out-es", log)
	c := &connection{host: host, report: report.New(host, s.Report), stop: make(chan struct{})}
	s.Elastic.UserAgent = fmt.Sprintf("out-es/%s (%s)", Version, runtime.Version())
	s.Elastic.OnHostUp = c.report.HostUp
	s.Elastic.OnFileError = c.report.FileUnusable
	client, err := s.NewClient()
	if err != nil {
		return nil, err
	}
	installed, err := s.ReadTemplate()
	if err != nil {
		return nil, err
	}
	var sender deliver.Sender = client
	if installed != nil {
		told := func(r template.Result, f *bulk.Failure) { c.report.Template(installed, r, f) }
		sender = template.NewInstaller(installed, s.Precedence, client, client, told)
	}
	c.client, c.deliverer = client, deliver.New(sender, c.report, s.Delivery)
	c.printer.Go(func() {
		ticker := time.NewTicker(linesEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				c.host.PrintLines()
			case <-c.stop:
				return
			}
		}
	})
	return c, nil
}

// close drops the connections and shows the last lines.
func (c *connection) close() {
	close(c.stop)
	c.printer.Wait()
	c.report.Close()
	c.client.Close()
	c.host.Close()
}
