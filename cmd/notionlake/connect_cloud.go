package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A cloud is what an engine needs to know to read a warehouse in s3 or gs. Keys
// are not among it: no text that is printed holds a secret. Engines find them
// where the cloud's own programs do.
type cloud struct {
	scheme    string // s3 or gs; "": a folder
	endpoint  string // URL; "": the cloud's own
	region    string
	profile   string // of AWS's shared files
	pathStyle bool
	anonymous bool
	vended    bool // keys come from the catalog
}

func (p *program) cloudOf(cfg *config) cloud {
	scheme, _, ok := strings.Cut(cfg.Warehouse, "://")
	if !ok || scheme == "file" {
		return cloud{}
	}
	c := cloud{
		scheme: strings.ToLower(scheme), endpoint: cfg.Storage.Endpoint, region: cfg.Storage.Region, profile: cfg.Storage.Profile, anonymous: cfg.Storage.Anonymous,
		vended:    cfg.Storage.vended(),
		pathStyle: cfg.Storage.PathStyle == "true" || cfg.Storage.PathStyle == "" && cfg.Storage.Endpoint != "",
	}
	if c.scheme == "s3" {
		c.region = cmp.Or(c.region, p.region())
	}
	if host, _ := p.env(emulatorVariable); host != "" && c.scheme == "gs" {
		c.anonymous = true
		if c.endpoint == "" {
			c.endpoint = "http://" + strings.TrimPrefix(host, "http://")
		}
	}
	return c
}

// region is the one of the environment: not every engine looks there, nor at the
// same variable.
func (p *program) region() string {
	region, _ := p.env("AWS_REGION")
	other, _ := p.env("AWS_DEFAULT_REGION")
	return cmp.Or(region, other)
}

// about says in a comment where keys come from.
func (c cloud) about(comment string) string {
	switch {
	case c.anonymous || c.scheme == "":
		return ""
	case c.vended:
		return comment + " Keys for the files are those that the catalog hands out for each table.\n"
	case c.scheme == "s3" && c.profile != "":
		return comment + " Keys are those of the profile " + c.profile + ": set AWS_PROFILE to that.\n"
	case c.scheme == "s3":
		return comment + " Keys are taken from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or the machine's role.\n"
	default:
		return comment + " Credentials are those of the machine, or of GOOGLE_APPLICATION_CREDENTIALS.\n"
	}
}

// host is the endpoint without its scheme, and whether it speaks TLS.
func (c cloud) host() (host string, tls bool) {
	u, err := url.Parse(c.endpoint)
	if err != nil {
		return c.endpoint, true
	}
	return u.Host, u.Scheme == "https"
}

// duckdb are the statements before the first reading.
func (c cloud) duckdb() string {
	var b strings.Builder
	switch c.scheme {
	case "s3":
		b.WriteString("INSTALL httpfs; LOAD httpfs;\n")
		if c.region != "" {
			fmt.Fprintf(&b, "SET s3_region = %s;\n", sqlText(c.region))
		}
		if c.endpoint != "" {
			host, tls := c.host()
			fmt.Fprintf(&b, "SET s3_endpoint = %s;\nSET s3_use_ssl = %v;\n", sqlText(host), tls)
		}
		if c.pathStyle {
			b.WriteString("SET s3_url_style = 'path';\n")
		}
		switch {
		case c.anonymous:
		case c.profile != "":
			b.WriteString("INSTALL aws; LOAD aws;\n" + c.duckdbSecret() + "\n")
		default:
			b.WriteString("-- Where the keys are not in the environment: INSTALL aws; LOAD aws; " + c.duckdbSecret() + "\n")
		}
	case "gs":
		b.WriteString("INSTALL httpfs; LOAD httpfs;\n")
		if c.endpoint != "" { // an emulator, which looks at no keys
			host, tls := c.host()
			fmt.Fprintf(&b, "CREATE OR REPLACE SECRET gcs (TYPE gcs, KEY_ID 'none', SECRET 'none', ENDPOINT %s, URL_STYLE 'path', USE_SSL %v);\n", sqlText(host), tls)
			break
		}
		b.WriteString("-- DuckDB reads gs:// with HMAC keys: CREATE SECRET (TYPE gcs, KEY_ID '...', SECRET '...');\n")
	}
	return b.String()
}

// duckdbSecret lets DuckDB look for keys where AWS's own programs do.
func (c cloud) duckdbSecret() string {
	secret := "CREATE OR REPLACE SECRET s3 (TYPE s3, PROVIDER credential_chain"
	if c.profile != "" {
		secret += ", PROFILE " + sqlText(c.profile)
	}
	if c.region != "" {
		secret += ", REGION " + sqlText(c.region)
	}
	if c.endpoint != "" {
		host, tls := c.host()
		secret += fmt.Sprintf(", ENDPOINT %s, USE_SSL %v", sqlText(host), tls)
	}
	if c.pathStyle {
		secret += ", URL_STYLE 'path'"
	}
	return secret + ");"
}

// pyiceberg are the properties of the catalog.
func (c cloud) pyiceberg() (properties settings) {
	switch c.scheme {
	case "s3":
		properties.add("s3.endpoint", c.endpoint, c.endpoint != "")
		properties.add("s3.region", c.region, c.region != "")
		properties.add("s3.anonymous", "true", c.anonymous)
		properties.add("s3.force-virtual-addressing", "true", c.endpoint != "" && !c.pathStyle)
	case "gs":
		properties.add("gcs.service.host", c.endpoint, c.endpoint != "")
		// Without a token pyarrow looks for credentials for minutes; a server on this
		// machine does not look at it.
		properties.add("gcs.oauth2.token", "none", c.anonymous)
		properties.add("gcs.oauth2.token-expires-at", "4102444800000", c.anonymous)
	}
	return properties
}

// polars are the options of a scan, as a further argument: of the catalog's
// properties it takes none.
func (c cloud) polars() string {
	if c.endpoint == "" && c.region == "" {
		return ""
	}
	var options []string
	add := func(key, value string, ok bool) {
		if ok {
			options = append(options, pyText(key)+": "+pyText(value))
		}
	}
	_, tls := c.host()
	if c.scheme == "gs" {
		// Another server than Google's can only be named in a key.
		key := `{"gcs_base_url": ` + strconv.Quote(c.endpoint) + `, "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}`
		add("google_service_account_key", key, c.anonymous)
		add("allow_http", "true", !tls)
		return ", storage_options={" + strings.Join(options, ", ") + "}"
	}
	add("aws_endpoint_url", c.endpoint, c.endpoint != "")
	add("aws_region", c.region, c.region != "")
	add("aws_allow_http", "true", c.endpoint != "" && !tls)
	add("aws_skip_signature", "true", c.anonymous)
	return ", storage_options={" + strings.Join(options, ", ") + "}"
}

// spark are the settings of the catalog, by their names after its own.
func (c cloud) spark() (packages string, all settings) {
	switch c.scheme {
	case "s3":
		all.add("io-impl", "org.apache.iceberg.aws.s3.S3FileIO", true)
		all.add("client.region", c.region, c.region != "")
		all.add("s3.endpoint", c.endpoint, c.endpoint != "")
		all.add("s3.path-style-access", "true", c.pathStyle)
		all.add("client.credentials-provider", "software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider", c.anonymous)
		return "," + sparkAWS, all
	case "gs":
		all.add("io-impl", "org.apache.iceberg.gcp.gcs.GCSFileIO", true)
		all.add("gcs.service.host", c.endpoint, c.endpoint != "")
		all.add("gcs.no-auth", "true", c.anonymous)
		return "," + sparkGCP, all
	}
	return "", nil
}

// trino are the settings of the catalog.
func (c cloud) trino() (all settings) {
	switch c.scheme {
	case "s3":
		all.add("fs.native-s3.enabled", "true", true)
		all.add("s3.region", c.region, c.region != "")
		all.add("s3.endpoint", c.endpoint, c.endpoint != "")
		all.add("s3.path-style-access", "true", c.pathStyle)
	case "gs":
		all.add("fs.native-gcs.enabled", "true", true)
		all.add("gcs.endpoint", c.endpoint, c.endpoint != "")
		all.add("gcs.auth-type", "APPLICATION_DEFAULT", !c.anonymous)
	default:
		all.add("fs.native-local.enabled", "true", true)
		all.add("local.location", "/", true)
	}
	return all
}
