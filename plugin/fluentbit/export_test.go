package fluentbit

// For tests.
const (
	QueueLines = queueLines
	StaleAfter = staleAfter
)
