package lake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A URLError is a warehouse URL that this program cannot use.
type URLError struct {
	URL    string // without what may be secret in it
	Reason string
}

func (e *URLError) Error() string {
	return fmt.Sprintf("warehouse %q: %s: a warehouse is a path or file:///path (s3://bucket/prefix and gs://bucket/prefix are not in this version)", e.URL, e.Reason)
}

// CheckURL returns what is wrong with the URL or path of a warehouse, a
// *URLError, without looking at what is there.
func CheckURL(url string) error {
	_, err := localDir(url)
	return err
}

// urlScheme finds a scheme. One letter is no scheme but a Windows drive.
var urlScheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):(.*)$`)

// localDir is the absolute path of the folder that a warehouse URL names.
func localDir(url string) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", &URLError{URL: withoutSecrets(url), Reason: fmt.Sprintf(format, args...)}
	}
	dir := url
	if m := urlScheme.FindStringSubmatch(url); m != nil {
		scheme, rest := strings.ToLower(m[1]), m[2]
		switch scheme {
		case "file":
			if host, ok := strings.CutPrefix(rest, "//"); ok {
				rest = strings.TrimPrefix(host, "localhost")
			}
			if !strings.HasPrefix(rest, "/") {
				return refuse("the path of a file URL is absolute, with three slashes: file:///data/lake")
			}
			dir = filepath.FromSlash(rest)
		case "s3", "gs":
			if reason := checkBucketURL(rest); reason != "" {
				return refuse("%s", reason)
			}
			return refuse("scheme %q is not built into this version yet", scheme)
		default:
			return refuse("scheme %q is not supported", scheme)
		}
	}
	if dir == "" {
		return refuse("it is empty")
	}
	// A folder named so could be written to, but no table in it could be read:
	// Trino refuses such locations and PyIceberg cuts them off there.
	if i := strings.IndexAny(dir, "?#"); i >= 0 {
		return refuse("engines cannot read a table whose path has a %q in it", dir[i])
	}
	if strings.ContainsFunc(dir, isControl) {
		return refuse("control characters in a path")
	}
	if dir == "~" || strings.HasPrefix(dir, "~/") || strings.HasPrefix(dir, "~"+string(filepath.Separator)) {
		home, err := os.UserHomeDir()
		if err != nil {
			return refuse("there is no home folder to put in for ~")
		}
		dir = home + dir[1:]
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("warehouse %q: %w", url, err)
	}
	return abs, nil
}

// checkBucketURL says what is wrong with s3:<rest>, or "".
func checkBucketURL(rest string) string {
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return "two slashes come before the bucket: s3://bucket/prefix"
	}
	bucket, _, _ := strings.Cut(rest, "/")
	switch {
	case strings.ContainsAny(rest, "?#"):
		return "it has a query or a fragment; options have their place in the configuration"
	case strings.Contains(bucket, "@"):
		return "it has credentials in it; they have their place in the environment"
	case bucket == "":
		return "it names no bucket"
	}
	return ""
}

// What may be secret in a URL: user and password, and a query.
var urlUser, urlQuery = regexp.MustCompile(`://[^/]*@`), regexp.MustCompile(`\?.*`)

func withoutSecrets(url string) string {
	if !strings.Contains(url, "://") {
		return url
	}
	return urlQuery.ReplaceAllString(urlUser.ReplaceAllString(url, "://***@"), "?***")
}

var errNotFolder = errors.New("it is a file, not a folder")

// missing are dir and those folders above it that do not exist, the uppermost first.
func missing(dir string) []string {
	var dirs []string
	for {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			slices.Reverse(dirs)
			return dirs
		}
		dirs = append(dirs, dir)
		parent := filepath.Dir(dir)
		if parent == dir {
			return dirs
		}
		dir = parent
	}
}
