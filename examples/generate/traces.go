package main

import (
	"fmt"
	"time"
)

// sayInvoices is a Java service with plain lines, and stack traces over many of them.
func sayInvoices(r random, at time.Time) entry {
	stamp := at.Format("2006-01-02 15:04:05.000")
	thread := fmt.Sprintf("http-nio-8080-exec-%d", r.between(1, 10))
	if r.percent(4) {
		return stderr(javaTrace(r, stamp, thread)...)
	}
	severity := pick(r, []string{"INFO ", "INFO ", "INFO ", "WARN ", "DEBUG"})
	return stdout(fmt.Sprintf("%s %s 1 --- [%s] c.e.billing.InvoiceService : %s %d",
		stamp, severity, thread, pick(r, []string{"rendered invoice", "sent invoice", "loaded tax table for", "skipped duplicate of"}), r.between(100_000, 999_999)))
}

func javaTrace(r random, stamp, thread string) []string {
	lines := []string{
		fmt.Sprintf("%s ERROR 1 --- [%s] c.e.billing.InvoiceController : invoice %d could not be rendered", stamp, thread, r.between(100_000, 999_999)),
		"com.example.billing.RenderException: template 'réclamation.html' failed",
		fmt.Sprintf("\tat com.example.billing.Renderer.render(Renderer.java:%d)", r.between(30, 300)),
		fmt.Sprintf("\tat com.example.billing.InvoiceService.create(InvoiceService.java:%d)", r.between(30, 300)),
		"\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)",
		"\tat java.base/java.lang.reflect.Method.invoke(Method.java:580)",
	}
	for range r.between(2, 9) {
		lines = append(lines, fmt.Sprintf("\tat org.example.web.filter.Chain.doFilter(Chain.java:%d)", r.between(30, 300)))
	}
	return append(lines,
		"Caused by: java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"street\" is null",
		fmt.Sprintf("\tat com.example.billing.Address.format(Address.java:%d)", r.between(30, 300)),
		fmt.Sprintf("\t... %d common frames omitted", r.between(12, 60)))
}

// sayImporter is a Python batch job, with tracebacks.
func sayImporter(r random, at time.Time) entry {
	stamp := at.Format("2006-01-02 15:04:05,000")
	row := r.between(1, 5_000_000)
	if r.percent(4) {
		return stderr(
			fmt.Sprintf("%s ERROR importer.load: row %d was set aside", stamp, row),
			"Traceback (most recent call last):",
			fmt.Sprintf("  File \"/app/importer/load.py\", line %d, in load", r.between(20, 200)),
			"    price = Decimal(row[\"price\"])",
			"            ^^^^^^^^^^^^^^^^^^^^^",
			"decimal.InvalidOperation: [<class 'decimal.ConversionSyntax'>]")
	}
	return stdout(fmt.Sprintf("%s %s importer.load: %s %d", stamp, pick(r, []string{"INFO", "INFO", "DEBUG"}),
		pick(r, []string{"imported rows up to", "checkpoint at row", "no change in row"}), row))
}

// sayScheduler is a Go program, with a goroutine's dump now and then, an empty line in it.
func sayScheduler(r random, at time.Time) entry {
	if r.percent(2) {
		return stderr(
			"panic: runtime error: index out of range [3] with length 3",
			"",
			fmt.Sprintf("goroutine %d [running]:", r.between(1, 400)),
			fmt.Sprintf("main.(*queue).pop(0xc000%06x)", r.between(0, 0xffffff)),
			fmt.Sprintf("\t/app/queue.go:%d +0x1d4", r.between(20, 200)),
			"main.main()",
			fmt.Sprintf("\t/app/main.go:%d +0x85", r.between(20, 200)),
			"exit status 2")
	}
	return stdout(fmt.Sprintf("%s scheduler: job=%s state=%s queue=%d", at.Format("2006/01/02 15:04:05"),
		pick(r, []string{"compact", "reindex", "mail-digest", "expire-sessions"}), pick(r, []string{"started", "done", "done", "deferred"}), r.between(0, 90)))
}
