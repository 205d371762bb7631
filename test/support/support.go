// Package support holds what tests of several packages and the programs under test/ share: free ports, a log that can be
// read while it is written, waiting for a condition, golden files, certificates, and a CONNECT tunnel.
package support
