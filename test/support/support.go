// Package support holds helpers of tests in several packages and of the programs under test/: free
// ports, a log that can be read while it is written, waiting for a condition, golden files,
// certificates, and a CONNECT tunnel.
package support
