// Package aws signs requests for Amazon OpenSearch (Signature Version 4), with
// AWS's own SDK. The SDK is linked into out_es_aws.so only, by the build tag
// aws: it would make the ordinary shared object half as large again.
package aws

import (
	"errors"
	"net/http"
)

// Options say for what to sign, and as whom. What is empty comes from where
// AWS's own tools look: the environment, the shared files, web identity, the
// container, the instance.
type Options struct {
	// Region is needed, if the environment or the profile don't have it.
	Region string
	// Service is es, or aoss for serverless collections.
	Service string
	// Profile is that of the shared files.
	Profile string
	// RoleARN is a role to take on by the credentials that were found.
	RoleARN, ExternalID string
	// STSEndpoint is the URL of the service that gives the role.
	STSEndpoint string
}

// Signer gives a request with that body its signature. It asks for credentials
// when they are missing or about to expire, within the request's context. It
// is safe for concurrent use.
//
// Possible errors: no credentials are found, or the role is refused.
type Signer func(req *http.Request, body []byte) error

// ErrRegion is what is wrong with an empty Region where the environment and the
// profile have none either.
var ErrRegion = errors.New("is required: set it, or AWS_REGION in the environment, or the profile's region")

// ErrBuild is what New returns in a build without the tag aws.
var ErrBuild = errors.New("aws: this build can't sign requests")
