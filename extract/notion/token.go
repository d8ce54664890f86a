package notion

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A Token is the secret of a connection. However it is printed, logged or
// encoded, it shows as "***".
type Token string

const hidden = "***"

// Format hides the token from every verb of package fmt.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// MarshalText hides the token from encoders.
func (Token) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the token from loggers.
func (Token) LogValue() slog.Value { return slog.StringValue(hidden) }

// check refuses what cannot be the value of a header. The errors do not show it.
func (t Token) check() error {
	if t == "" {
		return errors.New("no token")
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' || c > '~' {
			return errors.New("the token holds a blank, a line break or another character that no token has")
		}
	}
	return nil
}
