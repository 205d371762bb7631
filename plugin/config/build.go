//go:build !aws

package config

// hasAWS says that this build can sign requests for AWS.
const hasAWS = false
