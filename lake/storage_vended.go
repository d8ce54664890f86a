package lake

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
)

// Credentials let a program use a part of a bucket of s3 for a while.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time // zero: it is not known
	// How the bucket is reached, as far as that was told with them.
	Region, Endpoint string
	PathStyle        *bool
}

// A Vendor hands out credentials for parts of a warehouse: a catalog that has some for
// the folder of each table. It may be used by several goroutines at once.
type Vendor interface {
	// Credentials returns those for an object, or, of a prefix, for all objects whose
	// keys begin with it. They do not end at once. writes: an object is to be made.
	// refused are those that the storage has just refused, nil for none: others are
	// asked for then, once for all who come with the same. The error is a *VendorError.
	Credentials(ctx context.Context, key string, writes bool, refused *Credentials) (*Credentials, error)
	// Prefixes divides a prefix into those that have credentials of their own. All
	// objects whose keys begin with it are below one of them, and below one only.
	Prefixes(ctx context.Context, prefix string) ([]string, error)
}

// A VendorError says why there are no credentials for a part of a warehouse.
type VendorError struct{ Err error }

func (e *VendorError) Error() string { return e.Err.Error() }
func (e *VendorError) Unwrap() error { return e.Err }

// RetryableError tells the SDK that the vendor has tried often enough.
func (e *VendorError) RetryableError() bool { return false }

// vended is what a Storage knows whose credentials come from a Vendor.
type vended struct {
	vendor Vendor // nil: see UseVendor
	at     location
	cloud  CloudOptions
}

// openVended opens a warehouse that cannot be used before UseVendor has been called.
// One that is only to be read holds nothing until then: there is no catalog.
func openVended(s *Storage, p location, o StorageOptions) (*Storage, error) {
	s.vended = &vended{at: p, cloud: o.Cloud}
	s.bucket = memblob.OpenBucket(nil)
	if o.ReadOnly {
		return s, nil
	}
	return s, s.bucket.Close()
}

// NeedsVendor reports whether UseVendor has still to be called.
func (s *Storage) NeedsVendor() bool { return s.vended != nil && s.vended.vendor == nil }

// UseVendor opens the bucket with the credentials of v. Those for a key say how it is
// reached, where the options of the storage do not.
func (s *Storage) UseVendor(ctx context.Context, v Vendor, key string) error {
	first, err := v.Credentials(ctx, key, false, nil)
	if err != nil {
		return err
	}
	o := s.vended.cloud
	o.Region, o.Endpoint = cmp.Or(o.Region, first.Region), cmp.Or(o.Endpoint, first.Endpoint)
	if o.PathStyle == nil {
		o.PathStyle = first.PathStyle
	}
	s.vended.vendor = v
	if err := openS3(ctx, s, s.vended.at.bucket, o); err != nil {
		return objectFault("open", s.root, err)
	}
	if s.vended.at.prefix != "" {
		s.bucket = blob.PrefixedBucket(s.bucket, s.vended.at.prefix+"/")
	}
	return nil
}

// prefixes divides a prefix into those that can be listed.
func (s *Storage) prefixes(ctx context.Context, prefix string) ([]string, error) {
	if s.vended == nil || s.vended.vendor == nil {
		return []string{prefix}, nil
	}
	return s.vended.vendor.Prefixes(ctx, prefix)
}

// A vendedRequest is a request to the storage on its way through the SDK, in its context.
type vendedRequest struct {
	key           string
	writes        bool
	renews        bool // whether others may help where credentials are refused
	used, refused *Credentials
}

type vendedKey struct{}

// options let the SDK ask for credentials by the key of each request, and try again with
// others where they are refused: they may have ended early, or been taken back.
func (v *vended) options(o *s3.Options) {
	o.Credentials = aws.CredentialsProviderFunc(v.retrieve)
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("VendedKey", v.name), middleware.Before); err != nil {
			return err
		}
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("VendedRefused", renewRefused), "Retry", middleware.After)
	})
}

// name finds out what a request is about.
func (v *vended) name(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	r := &vendedRequest{renews: true}
	var key *string
	switch p := in.Parameters.(type) {
	case *s3.GetObjectInput:
		key = p.Key
	case *s3.HeadObjectInput:
		key = p.Key
	case *s3.DeleteObjectInput:
		key = p.Key
	case *s3.ListObjectsV2Input:
		key = p.Prefix
	case *s3.PutObjectInput:
		key, r.writes = p.Key, true
	case *s3.CreateMultipartUploadInput:
		key, r.writes = p.Key, true
	case *s3.UploadPartInput:
		key, r.writes = p.Key, true
	case *s3.CompleteMultipartUploadInput:
		key, r.writes = p.Key, true
	// What vended credentials often do not allow at all.
	case *s3.AbortMultipartUploadInput:
		key, r.renews = p.Key, false
	case *s3.ListMultipartUploadsInput:
		key, r.renews = p.Prefix, false
	}
	r.key = aws.ToString(key)
	if v.at.prefix != "" {
		r.key = strings.TrimPrefix(r.key, v.at.prefix+"/")
	}
	return next.HandleInitialize(context.WithValue(ctx, vendedKey{}, r), in)
}

// retrieve is asked before each try of a request.
func (v *vended) retrieve(ctx context.Context) (aws.Credentials, error) {
	r, ok := ctx.Value(vendedKey{}).(*vendedRequest)
	if !ok {
		return aws.Credentials{}, &VendorError{errors.New("credentials for nothing in particular")}
	}
	c, err := v.vendor.Credentials(ctx, r.key, r.writes, r.refused)
	if err != nil {
		return aws.Credentials{}, err
	}
	r.used = c
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken, Source: "catalog"}, nil
}

// A refusedError is the first refusal of a request.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// RetryableError lets the SDK try again.
func (e *refusedError) RetryableError() bool { return true }

// renewRefused has a request tried once more whose credentials are refused.
func renewRefused(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleFinalize(ctx, in)
	r, ok := ctx.Value(vendedKey{}).(*vendedRequest)
	if err != nil && ok && r.renews && r.refused == nil && r.used != nil && isRefused(err) {
		r.refused, err = r.used, &refusedError{err}
	}
	return out, metadata, err
}

// isRefused reports whether it may be the credentials that a storage does not take.
func isRefused(err error) bool {
	var answer *smithyhttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &answer) {
		return false
	}
	code := ""
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch answer.HTTPStatusCode() {
	case 401:
		return true
	case 403:
		return code != "RequestTimeTooSkewed"
	case 400: // the answer to HEAD has no code but its status
		return code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired" || code == "BadRequest"
	}
	return false
}
