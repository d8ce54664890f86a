package lake

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"gocloud.dev/blob/s3blob"
)

const (
	// s3Attempts is how often a request is sent that fails in a way that passes:
	// 500, 503 (slow down), connections that break.
	s3Attempts = 6
	// defaultRegion is that of servers which do not care.
	defaultRegion = "us-east-1"
)

// openS3 opens a bucket with what the SDK finds (environment, shared files, web
// identity, the machine's role) and the options say.
func openS3(ctx context.Context, s *Storage, name string, o CloudOptions) error {
	load := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // what matters comes back as an error
		config.WithHTTPClient(awsClient()),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = s3Attempts })
		}),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	switch {
	case o.Anonymous, s.vended != nil: // see vended.options
		load = append(load, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	case o.AccessKeyID != "":
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return err
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	endpoint := o.Endpoint != "" || cfg.BaseEndpoint != nil
	if endpoint {
		// Checksums at the end of a body are not understood by all servers.
		cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		cfg.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}
	s.s3 = s3.NewFromConfig(cfg, func(so *s3.Options) {
		if o.Endpoint != "" {
			so.BaseEndpoint = aws.String(o.Endpoint)
		}
		so.UsePathStyle = endpoint
		if o.PathStyle != nil {
			so.UsePathStyle = *o.PathStyle
		}
		so.APIOptions = append(so.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("BeginUpload", beginUpload), middleware.Before)
		})
		if s.vended != nil {
			s.vended.options(so)
		}
	})
	s.bucket, err = s3blob.OpenBucket(ctx, s.s3, name, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
	return err
}

// beginUpload waits a while for the answer to a request that begins an upload, although
// nobody wants that any more: else it may begin once those that are left have been ended.
func beginUpload(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	if _, ok := in.Parameters.(*s3.CreateMultipartUploadInput); !ok || ctx.Err() != nil {
		return next.HandleInitialize(ctx, in)
	}
	begins, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(answerTimeout, cancel)
		context.AfterFunc(begins, func() { late.Stop() })
	})
	defer stop()
	return next.HandleInitialize(begins, in)
}

// AbortUploads ends uploads of objects below a prefix that were begun before a
// time: what a killed process had sent is seen by nobody and paid for. It returns
// how many there were. Only s3 has such.
func (s *Storage) AbortUploads(ctx context.Context, prefix string, before time.Time) (n int, err error) {
	if s.s3 == nil {
		return 0, nil
	}
	prefixes, err := s.prefixes(ctx, prefix)
	for _, p := range prefixes {
		ended, e := s.abortUploads(ctx, p, before)
		n, err = n+ended, errors.Join(err, e)
	}
	return n, err
}

func (s *Storage) abortUploads(ctx context.Context, prefix string, before time.Time) (int, error) {
	bucket, root, _ := strings.Cut(strings.TrimPrefix(s.root, "s3://"), "/")
	if root != "" {
		prefix = root + "/" + prefix
	}
	n := 0
	list := s3.NewListMultipartUploadsPaginator(s.s3, &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix})
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err != nil {
			return n, objectFault("list uploads to", s.root, err)
		}
		for _, u := range page.Uploads {
			if u.Initiated == nil || !u.Initiated.Before(before) || !strings.HasPrefix(aws.ToString(u.Key), prefix) {
				continue
			}
			if _, err := s.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}); err != nil {
				return n, objectFault("abort the upload of", "s3://"+bucket+"/"+aws.ToString(u.Key), err)
			}
			n++
		}
	}
	return n, nil
}
