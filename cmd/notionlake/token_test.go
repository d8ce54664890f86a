package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Which token is used where there is more than one: the environment's before one
// that stands in the configuration, what the configuration names before both.
func TestWhichToken(t *testing.T) {
	const inEnv, inFile, elsewhere = "ntn_environment", "ntn_configuration", "ntn_elsewhere"
	for _, test := range []struct {
		name, config string
		env          map[string]string
		want, note   string
	}{
		{"only the environment", "notion: {}", map[string]string{"NOTION_TOKEN": inEnv}, inEnv, ""},
		{"only the configuration", "notion: {token: " + inFile + "}", nil, inFile, ""},
		{"both", "notion: {token: " + inFile + "}", map[string]string{"NOTION_TOKEN": inEnv + "\n"}, inEnv, "NOTION_TOKEN is used, not the one in the configuration"},
		{"both, the same", "notion: {token: " + inEnv + "}", map[string]string{"NOTION_TOKEN": inEnv}, inEnv, ""},
		{"an empty variable", "notion: {token: " + inFile + "}", map[string]string{"NOTION_TOKEN": " "}, inFile, ""},
		{"another variable", "notion: {token: '${OTHER}'}", map[string]string{"NOTION_TOKEN": inEnv, "OTHER": elsewhere}, elsewhere, ""},
		{"a file", "notion: {token_file: token}", map[string]string{"NOTION_TOKEN": inEnv}, elsewhere, "NOTION_TOKEN is not used"},
		{"a command", "notion: {token_command: [cat, token]}", map[string]string{"NOTION_TOKEN": inEnv}, elsewhere, "NOTION_TOKEN is not used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newTestProgram(test.env)
			var log bytes.Buffer
			p.log = slog.New(slog.NewTextHandler(&log, nil))
			file := writeConfig(t, test.config)
			if err := os.WriteFile(filepath.Join(filepath.Dir(file), "token"), []byte(elsewhere+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := p.readConfig(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.token(t.Context(), cfg)
			if err != nil || string(got) != test.want {
				t.Errorf("the token is %q, want %q (%v)", string(got), test.want, err)
			}
			if test.note == "" && log.Len() > 0 || !strings.Contains(log.String(), test.note) {
				t.Errorf("logged: %q, want %q", log.String(), test.note)
			}
			for _, value := range []string{inEnv, inFile, elsewhere} {
				if strings.Contains(log.String(), value) {
					t.Errorf("a token is shown: %s", log.String())
				}
			}
		})
	}
}
