//go:build aws

package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// session names the session of an assumed role in AWS's own logs.
const session = "out_es"

// New reads the environment and the shared files. It does not connect.
//
// Possible errors: ErrRegion; a missing profile; shared files that can't be read.
func New(o Options) (Signer, error) {
	var load []func(*config.LoadOptions) error
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	loaded, err := config.LoadDefaultConfig(context.Background(), load...)
	if err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	if loaded.Region == "" {
		return nil, ErrRegion
	}
	credentials := loaded.Credentials
	if o.RoleARN != "" {
		credentials = sdk.NewCredentialsCache(roleOf(loaded, o))
	}
	return signer(credentials, o.Service, loaded.Region, time.Now), nil
}

func roleOf(loaded sdk.Config, o Options) sdk.CredentialsProvider {
	client := sts.NewFromConfig(loaded, func(s *sts.Options) {
		if o.STSEndpoint != "" {
			s.BaseEndpoint = &o.STSEndpoint
		}
	})
	return stscreds.NewAssumeRoleProvider(client, o.RoleARN, func(a *stscreds.AssumeRoleOptions) {
		a.RoleSessionName = session
		if o.ExternalID != "" {
			a.ExternalID = &o.ExternalID
		}
	})
}

// signer signs with the time of now.
func signer(credentials sdk.CredentialsProvider, service, region string, now func() time.Time) Signer {
	signing := v4.NewSigner()
	return func(req *http.Request, body []byte) error {
		who, err := credentials.Retrieve(req.Context())
		if err != nil {
			return fmt.Errorf("aws: %w", err)
		}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		req.Header.Set("X-Amz-Content-Sha256", hash) // serverless collections reject requests without it
		if err := signing.SignHTTP(req.Context(), who, req, hash, service, region, now()); err != nil {
			return fmt.Errorf("aws: %w", err)
		}
		return nil
	}
}
