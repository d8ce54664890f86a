package lake

import (
	"context"

	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"google.golang.org/api/option"
)

// openGCS opens a bucket with the credentials that the machine has:
// GOOGLE_APPLICATION_CREDENTIALS, those of gcloud, or the machine's own.
func openGCS(ctx context.Context, s *Storage, name string, o CloudOptions) error {
	var options gcsblob.Options
	if o.Endpoint != "" {
		options.ClientOptions = append(options.ClientOptions, option.WithEndpoint(o.Endpoint))
	}
	client, err := gcsClient(ctx, o)
	if err != nil {
		return err
	}
	s.bucket, err = gcsblob.OpenBucket(ctx, client, name, &options)
	return err
}

func gcsClient(ctx context.Context, o CloudOptions) (*gcp.HTTPClient, error) {
	if o.Anonymous {
		return gcp.NewAnonymousHTTPClient(gcsTransport()), nil
	}
	creds, err := gcp.DefaultCredentials(ctx)
	if err != nil {
		return nil, err
	}
	return gcp.NewHTTPClient(gcsTransport(), gcp.CredentialsTokenSource(creds))
}
