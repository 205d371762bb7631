//go:build !aws

package config

// hasAWS reports whether this build can sign requests for AWS.
const hasAWS = false
