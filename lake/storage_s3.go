package lake

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
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
	cfg, err := s3Config(ctx, o, s.vended != nil)
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
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("UploadToEnd", uploadToEnd), middleware.Before)
		})
		if s.vended != nil {
			s.vended.options(so)
		}
	})
	s.bucket, err = s3blob.OpenBucket(ctx, s.s3, name, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
	return err
}

// s3Config is how requests are sent. Where the catalog hands out credentials, nothing
// that the machine has is looked at.
func s3Config(ctx context.Context, o CloudOptions, vended bool) (aws.Config, error) {
	retryer := func() aws.Retryer {
		standard := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = s3Attempts })
		// A conflict is with the deletion of an object that is to be new: parts of a load take turns so.
		return retry.AddWithErrorCodes(standard, "ConditionalRequestConflict")
	}
	// What matters of the log comes back as an error.
	if vended { // see vended.options
		return aws.Config{Region: o.Region, HTTPClient: awsClient(), Retryer: retryer, Logger: logging.Nop{}, Credentials: aws.AnonymousCredentials{}}, nil
	}
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{}), config.WithHTTPClient(awsClient()), config.WithRetryer(retryer)}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	switch {
	case o.Anonymous:
		load = append(load, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	case o.AccessKeyID != "":
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, o.SessionToken)))
	}
	return config.LoadDefaultConfig(ctx, load...)
}

// uploadKey is the key of the ID of the upload that is begun for an object: an
// *atomic.Pointer[string].
type uploadKey struct{}

// uploadToEnd waits a while for the answer to a request that begins an upload or sends a
// part of it, although nobody wants that any more: else the server may do it once what is
// left of the upload has been ended, and keep it. It tells the ID.
func uploadToEnd(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	switch in.Parameters.(type) {
	case *s3.CreateMultipartUploadInput, *s3.UploadPartInput:
	default:
		return next.HandleInitialize(ctx, in)
	}
	if ctx.Err() != nil {
		return next.HandleInitialize(ctx, in)
	}
	defer func() {
		begun, ok := out.Result.(*s3.CreateMultipartUploadOutput)
		if id, wanted := ctx.Value(uploadKey{}).(*atomic.Pointer[string]); ok && wanted && begun.UploadId != nil {
			id.Store(begun.UploadId)
		}
	}()
	begins, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(answerTimeout, cancel)
		context.AfterFunc(begins, func() { late.Stop() })
	})
	defer stop()
	return next.HandleInitialize(begins, in)
}

// abortUpload ends one upload. That it has ended already is no error.
func (s *Storage) abortUpload(ctx context.Context, key, id string) error {
	bucket, root, _ := strings.Cut(strings.TrimPrefix(s.root, "s3://"), "/")
	if root != "" {
		key = root + "/" + key
	}
	_, err := s.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &id})
	if gone := new(types.NoSuchUpload); errors.As(err, &gone) {
		return nil
	}
	return err
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
