package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/notionlake/notionlake/extract/notion"
)

// A secret is a text of the configuration that prints as "***".
type secret struct{ notion.Token }

func (s secret) isEmpty() bool  { return s.Token == "" }
func (s secret) reveal() string { return string(s.Token) }

const (
	tokenVariable = "NOTION_TOKEN"
	// tokenLimitBytes is far more than a token has; what is longer is another file.
	tokenLimitBytes = 64 << 10
	// tokenCommandTimeout is for a command that waits for somebody who is not there.
	tokenCommandTimeout = 30 * time.Second
	// others are the permission bits of those who neither own the file nor
	// belong to its group. A mounted secret is often 0440.
	others = 0o007
)

// tokenForm is what Notion's tokens look like today.
var tokenForm = regexp.MustCompile(`(?:ntn|secret)_[A-Za-z0-9_-]{8,}`)

// isKeyName says whether what looks like a token is the name of a key, or meant to be.
func isKeyName(text string) bool {
	const key, typos = "secret_access_key", 2
	return editDistance(text, key) <= typos
}

const noToken = "no token: set NOTION_TOKEN, or token, token_file or token_command in the configuration"

// token finds the token of the connection and makes the redactor know it. No
// error shows it.
func (p *program) token(ctx context.Context, c *config) (notion.Token, error) {
	text, from, err := p.tokenText(ctx, c)
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	p.secrets.hide(text)
	if text == "" {
		return "", usagef("%s (%s is empty)", noToken, from)
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.IsSpace(r) || r > unicode.MaxASCII {
			return "", usagef("the token of %s has a line break, a space or another character that no token has: copy it again", from)
		}
	}
	if !strings.HasPrefix(text, "ntn_") && !strings.HasPrefix(text, "secret_") {
		p.log.Warn("the token does not begin with ntn_ or secret_, as Notion's do", "from", from)
	}
	return notion.Token(text), nil
}

// tokenText reads the token: from the file or the command that the configuration
// names, else from NOTION_TOKEN, else from the configuration itself. Who names a
// file or a command wants no token that a shell happens to hold.
func (p *program) tokenText(ctx context.Context, c *config) (text, from string, err error) {
	inEnv, _ := p.env(tokenVariable)
	inEnv = strings.TrimSpace(inEnv)
	if elsewhere := c.Notion.TokenFile != "" || len(c.Notion.TokenCommand) > 0; elsewhere && inEnv != "" {
		p.log.Info("the environment variable "+tokenVariable+" is not used: the configuration names where the token is", "config", c.path)
	}
	switch {
	case c.Notion.TokenFile != "":
		text, err = readTokenFile(c.Notion.TokenFile)
		return text, "notion.token_file " + c.Notion.TokenFile, err
	case len(c.Notion.TokenCommand) > 0:
		text, err = p.runTokenCommand(ctx, c)
		return text, "notion.token_command", err
	case !c.Notion.Token.isEmpty():
		text, err = expand(c.Notion.Token.reveal(), p.env)
		if err != nil {
			return "", "", usagef("no token: notion.token: %v; token_file and token_command in the configuration take it from elsewhere", err)
		}
		if text == c.Notion.Token.reveal() {
			p.secrets.hide(strings.TrimSpace(text))
			err = p.checkSecretInConfig(c, "the token", "token: ${"+tokenVariable+"}", isLoopback(c.Notion.BaseURL))
			if inEnv != "" && inEnv != strings.TrimSpace(text) {
				p.log.Info("the token of the environment variable "+tokenVariable+" is used, not the one in the configuration", "config", c.path)
				return inEnv, tokenVariable, err
			}
		}
		return text, "notion.token", err
	default:
		text, _ = p.env(tokenVariable)
		return text, tokenVariable, nil
	}
}

// checkSecretInConfig looks at who may read a configuration with a secret in it,
// which could be written otherwise. One of a server on this machine opens nothing.
func (p *program) checkSecretInConfig(c *config, what, otherwise string, harmless bool) error {
	info, err := os.Stat(c.path)
	if err != nil || info.Mode().Perm()&others == 0 {
		return nil
	}
	if harmless {
		p.log.Warn("the configuration holds a secret and everybody on this machine may read it", "file", c.path, "secret", what)
		return nil
	}
	return usagef("%s holds %s and everybody on this machine may read it: chmod 600 %s, or write %s", c.path, what, c.path, otherwise)
}

func readTokenFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", usagef("notion.token_file %s: %v", name, reason(err))
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", usagef("notion.token_file %s: %v", name, reason(err))
	case !info.Mode().IsRegular():
		return "", usagef("notion.token_file %s: not a regular file", name)
	case info.Mode().Perm()&others != 0:
		return "", usagef("notion.token_file %s: everybody on this machine may read it (mode %04o): chmod 600 %s", name, info.Mode().Perm(), name)
	}
	data, err := io.ReadAll(io.LimitReader(f, tokenLimitBytes+1))
	if err != nil {
		return "", usagef("notion.token_file %s: %v", name, reason(err))
	}
	if len(data) > tokenLimitBytes {
		return "", usagef("notion.token_file %s: larger than a token can be", name)
	}
	return string(data), nil
}

// runTokenCommand runs the command without a shell. What it says on stderr goes
// nowhere: it may hold the token, which is not known yet and so cannot be hidden.
func (p *program) runTokenCommand(ctx context.Context, c *config) (string, error) {
	name := c.Notion.TokenCommand[0]
	ctx, cancel := context.WithTimeout(ctx, tokenCommandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, c.Notion.TokenCommand[1:]...)
	cmd.Dir = c.dir
	cmd.Stdin = p.stdin
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &limitedWriter{&out, tokenLimitBytes}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.String(), nil
	case context.Cause(ctx) != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return "", usagef("notion.token_command %s: no answer within %s", name, tokenCommandTimeout)
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &exit):
		return "", usagef("notion.token_command %s: %v: run it by hand to see why", name, exit)
	default:
		return "", usagef("notion.token_command %s: %v", name, reason(err))
	}
}

// A limitedWriter refuses what is beyond its limit.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (w *limitedWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errors.New("more output than a token can be")
	}
	return w.w.Write(b)
}
