package lake

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"
)

const codeSkewed = "RequestTimeTooSkewed"

// cloudWords are what the codes of a cloud's refusals mean.
var cloudWords = map[string]string{
	"NoSuchBucket":          "the bucket does not exist",
	"AccessDenied":          "access denied: the credentials do not allow it",
	"Forbidden":             "access denied: the credentials do not allow it",
	"InvalidAccessKeyId":    "the access key is not known: look at the credentials",
	"SignatureDoesNotMatch": "the secret access key does not belong to the access key: look at the credentials",
	"ExpiredToken":          "the temporary credentials have expired: get new ones",
	"InvalidToken":          "the session token is not valid: get new credentials",
	codeSkewed:              "the clock of this machine is wrong: set it",
	"SlowDown":              "the storage asks to slow down, again and again: try again later",
	"PermanentRedirect":     "the bucket is in another region: set storage.region",
	"MovedPermanently":      "the bucket is in another region: set storage.region",
}

// cloudReason says in words why a cloud refused, "" where err is no refusal.
func cloudReason(err error) string {
	var api smithy.APIError
	var google *googleapi.Error
	var connect *net.OpError
	var vendor *VendorError
	text := err.Error()
	switch {
	case errors.As(err, &vendor):
		return vendor.Error()
	case errors.As(err, &api):
		if words, ok := cloudWords[api.ErrorCode()]; ok {
			return words + skewOf(api.ErrorCode(), err)
		}
		return strings.TrimSuffix(api.ErrorCode()+": "+api.ErrorMessage(), ": ")
	case errors.As(err, &google):
		switch google.Code {
		case 401:
			return "the credentials are not valid: look at them"
		case 403:
			return cloudWords["AccessDenied"]
		}
		return strings.TrimSpace(google.Message)
	case strings.Contains(text, "get credentials"), strings.Contains(text, "could not find default credentials"):
		return "no credentials were found: set those of the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS) or of storage in the configuration, or give the machine a role"
	case errors.As(err, &connect):
		return connect.Error()
	}
	return ""
}

// skewOf says by how much the clock differs from the storage's, where that is why it refuses.
func skewOf(code string, err error) string {
	var answer *smithyhttp.ResponseError
	if code != codeSkewed || !errors.As(err, &answer) || answer.Response == nil {
		return ""
	}
	theirs, err := time.Parse(time.RFC1123, answer.Response.Header.Get("Date"))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (it differs from the storage's by %s)", time.Since(theirs).Abs().Round(time.Second))
}

const (
	statusNotFound           = 404
	statusPreconditionFailed = 412
)

// codeOf is what kind of error a bucket's is. Of S3 the status of the answer tells, and
// nothing where there was none: gocloud.dev takes every error in whose text there is a 301,
// of the ID of a request or of a port, for one of a bucket that does not exist.
func codeOf(err error) gcerrors.ErrorCode {
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return gcerrors.Code(err)
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		switch answer.HTTPStatusCode() {
		case statusNotFound:
			return gcerrors.NotFound
		case statusPreconditionFailed:
			return gcerrors.FailedPrecondition
		}
	}
	return gcerrors.Unknown
}

// isNoBucket reports whether it is the bucket that is missing.
func isNoBucket(err error) bool {
	var api smithy.APIError
	return errors.Is(err, errNoBucket) || errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket"
}
