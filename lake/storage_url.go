package lake

import (
	"errors"
	"fmt"
	"io/fs"
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
	return fmt.Sprintf("warehouse %q: %s: a warehouse is a path, file:///path, s3://bucket/prefix or gs://bucket/prefix", e.URL, e.Reason)
}

// CheckURL returns what is wrong with the URL or path of a warehouse, a
// *URLError, without looking at what is there.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

// A location is what a warehouse URL names: a folder, or a bucket and a prefix in it.
type location struct {
	scheme         string // file, s3 or gs
	dir            string // absolute
	bucket, prefix string
}

// urlScheme finds a scheme. One letter is no scheme but a Windows drive.
var urlScheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):(.*)$`)

func parseURL(url string) (location, error) {
	refuse := func(format string, args ...any) (location, error) {
		return location{}, &URLError{URL: withoutSecrets(url), Reason: fmt.Sprintf(format, args...)}
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
			p, reason := bucketOf(rest)
			if reason != "" {
				return refuse("%s", reason)
			}
			p.scheme = scheme
			return p, nil
		default:
			return refuse("scheme %q is not supported", scheme)
		}
	}
	if dir == "" {
		return refuse("it is empty")
	}
	// A folder named so could be written to, but no table in it could be read:
	// Trino refuses such locations and PyIceberg cuts them off there; DuckDB takes no
	// path with a quotation mark.
	if i := strings.IndexAny(dir, "?#\""); i >= 0 {
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
		return location{}, fmt.Errorf("warehouse %q: %w", url, err)
	}
	return location{scheme: "file", dir: abs}, nil
}

// bucketName is what names of buckets have in common.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// bucketOf reads s3:<rest>, or says what is wrong with it.
func bucketOf(rest string) (p location, reason string) {
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return p, "two slashes come before the bucket: s3://bucket/prefix"
	}
	p.bucket, p.prefix, _ = strings.Cut(rest, "/")
	p.prefix = strings.TrimSuffix(p.prefix, "/")
	switch {
	case strings.ContainsAny(rest, "?#"):
		return p, "it has a query or a fragment; options have their place in the configuration"
	case strings.Contains(p.bucket, "@"):
		return p, "it has credentials in it; they have their place in the environment"
	case p.bucket == "":
		return p, "it names no bucket"
	case !bucketName.MatchString(p.bucket):
		return p, fmt.Sprintf("%q is no name of a bucket: lower-case letters, digits, dots and hyphens, at least three", p.bucket)
	case p.prefix != "" && !fs.ValidPath(p.prefix) || p.prefix == ".":
		return p, "the prefix has an empty part, or one that is . or .."
	case strings.ContainsFunc(p.prefix, isControl) || strings.Contains(p.prefix, "%"):
		return p, "control characters and % in a prefix are not read alike by all engines"
	}
	return p, ""
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
