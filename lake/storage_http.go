package lake

import (
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"gocloud.dev/gcp"
)

// silence is how long a cloud may take to begin its answer once it has a request
// whole: without it a connection that has died would be waited for without end.
const silence = time.Minute

// awsClient is the client of the SDK, which does not wait for ever.
func awsClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = silence })
}

// gcsTransport is the same for Google.
func gcsTransport() http.RoundTripper {
	t, ok := gcp.DefaultTransport().(*http.Transport)
	if !ok {
		return gcp.DefaultTransport()
	}
	t = t.Clone()
	t.ResponseHeaderTimeout = silence
	return t
}
