package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/notionlake/notionlake/lake"
)

// A storageConfig says how to reach the warehouse where the cloud's own defaults
// do not do. The secret ones are with ${NAME} in them: only commands that open
// the warehouse look.
type storageConfig struct {
	Endpoint        string `yaml:"endpoint"`
	Region          string `yaml:"region"`
	Profile         string `yaml:"profile"`
	PathStyle       string `yaml:"path_style"`
	AccessKeyID     secret `yaml:"access_key_id"`
	SecretAccessKey secret `yaml:"secret_access_key"`
	SessionToken    secret `yaml:"session_token"`
	Anonymous       bool   `yaml:"anonymous"`
	// Credentials is where they come from: "" or "catalog".
	Credentials string `yaml:"credentials"`
}

// emulatorVariable names a server that takes the place of Google's storage.
const emulatorVariable = "STORAGE_EMULATOR_HOST"

// unused are the keys that mean nothing to a warehouse.
func (c *storageConfig) unused(warehouse string) (keys []string) {
	s3, gs := strings.HasPrefix(warehouse, "s3:"), strings.HasPrefix(warehouse, "gs:")
	for _, k := range []struct {
		key  string
		set  bool
		fits bool
	}{
		{"storage.endpoint", c.Endpoint != "", s3 || gs},
		{"storage.region", c.Region != "", s3},
		{"storage.profile", c.Profile != "", s3},
		{"storage.path_style", c.PathStyle != "", s3},
		{"storage.access_key_id", !c.AccessKeyID.isEmpty(), s3},
		{"storage.secret_access_key", !c.SecretAccessKey.isEmpty(), s3},
		{"storage.session_token", !c.SessionToken.isEmpty(), s3},
		{"storage.anonymous", c.Anonymous, s3 || gs},
	} {
		if k.set && !k.fits {
			keys = append(keys, k.key)
		}
	}
	return keys
}

func (c *storageConfig) check() error {
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return badKey("storage.endpoint", "storage.endpoint: a URL like http://127.0.0.1:9000 is expected")
		case u.User != nil:
			return badKey("storage.endpoint", "storage.endpoint: a name or password has no place in it: use access_key_id and secret_access_key")
		}
	}
	if c.PathStyle != "" && c.PathStyle != "true" && c.PathStyle != "false" {
		return badKey("storage.path_style", "storage.path_style %s: use true or false", c.PathStyle)
	}
	if c.AccessKeyID.isEmpty() != c.SecretAccessKey.isEmpty() {
		return badKey("storage", "storage: access_key_id and secret_access_key belong together")
	}
	if c.AccessKeyID.isEmpty() && !c.SessionToken.isEmpty() {
		return badKey("storage.session_token", "storage.session_token belongs to access_key_id and secret_access_key")
	}
	return nil
}

func (p *program) openStorage(ctx context.Context, cfg *config) (*lake.Storage, error) {
	return p.openStorageFor(ctx, cfg, false)
}

func (p *program) openStorageFor(ctx context.Context, cfg *config, readOnly bool) (*lake.Storage, error) {
	cloud, err := p.cloudOptions(cfg)
	if err != nil {
		return nil, err
	}
	defer p.waits("warehouse", cfg.Warehouse)()
	storage, err := lake.OpenStorage(ctx, lake.StorageOptions{URL: cfg.Warehouse, Cloud: cloud, ReadOnly: readOnly, Point: p.point})
	return storage, storageError(err)
}

// waits says, after a while, what is waited for: requests are tried several times.
func (p *program) waits(what, where string) (answered func() bool) {
	return time.AfterFunc(5*time.Second, func() {
		p.log.Info("no answer yet, still trying", what, where)
	}).Stop
}

func (p *program) cloudOptions(cfg *config) (lake.CloudOptions, error) {
	c := &cfg.Storage
	o := lake.CloudOptions{Endpoint: c.Endpoint, Region: c.Region, Profile: c.Profile, Anonymous: c.Anonymous, Vended: c.vended()}
	if host, _ := p.env(emulatorVariable); host != "" && strings.HasPrefix(cfg.Warehouse, "gs:") {
		o.Anonymous = true
	}
	if c.PathStyle != "" {
		style := c.PathStyle == "true"
		o.PathStyle = &style
	}
	for _, k := range []struct {
		key  string
		from secret
		to   *string
	}{
		{"storage.access_key_id", c.AccessKeyID, &o.AccessKeyID},
		{"storage.secret_access_key", c.SecretAccessKey, &o.SecretAccessKey},
		{"storage.session_token", c.SessionToken, &o.SessionToken},
	} {
		if k.from.isEmpty() {
			continue
		}
		open := k.to == &o.AccessKeyID // it is in logs and URLs of the cloud itself
		var err error
		if *k.to, err = p.reveal(cfg, k.key, k.from, open, isLoopback(c.Endpoint)); err != nil {
			return o, err
		}
	}
	return o, nil
}

// reveal reads a secret of the configuration. Where it is written out there, the
// file must be private, unless it is one of a server on this machine.
func (p *program) reveal(cfg *config, key string, from secret, open, harmless bool) (string, error) {
	text, err := expand(from.reveal(), p.env)
	if err != nil {
		return "", usagef("%s: %v", key, err)
	}
	if open {
		return strings.TrimSpace(text), nil
	}
	literal := text == from.reveal()
	text = strings.TrimSpace(text)
	p.secrets.hide(text)
	if !literal {
		return text, nil
	}
	name := key[strings.LastIndex(key, ".")+1:]
	return text, p.checkSecretInConfig(cfg, key, name+": ${"+strings.ToUpper(name)+"}", harmless)
}
