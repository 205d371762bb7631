// Package aws signs requests for Amazon OpenSearch (Signature Version 4), with
// AWS's own SDK. The SDK is linked into out_es_aws.so only, by the build tag
// aws: it would make the ordinary shared object half as large again.
package aws

import (
	"errors"
	"net/http"
)

// Options are the service and the identity of signatures. Empty fields come from the places where
// AWS's own tools look: the environment, the shared files, web identity, the container, the
// instance.
type Options struct {
	// Region is required unless the environment or the profile has it.
	Region string
	// Service is es, or aoss for serverless collections.
	Service string
	// Profile is a profile of the shared files.
	Profile string
	// RoleARN is a role to assume with these credentials.
	RoleARN, ExternalID string
	// STSEndpoint is the URL of the service that grants the role.
	STSEndpoint string
}

// Signer signs a request with that body. It requests credentials when they are missing or about to
// expire, within the request's context. It is safe for concurrent use.
//
// Possible errors: there are no credentials, or the role is denied.
type Signer func(req *http.Request, body []byte) error

// ErrRegion reports an empty Region that neither the environment nor the profile provides.
var ErrRegion = errors.New("is required: set it, or AWS_REGION in the environment, or the profile's region")

// ErrBuild is New's error in a build without the tag aws.
var ErrBuild = errors.New("aws: this build can't sign requests")
