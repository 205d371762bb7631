//go:build !aws

package aws

// New returns ErrBuild: this build has no SDK.
func New(Options) (Signer, error) { return nil, ErrBuild }
