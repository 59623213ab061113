package provider

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/temporal-providers/temporal-2captcha/callback"
)

// redacted returns the config as it is printed, logged and marshaled: see
// twocaptcha.Options.Redacted.
func (c Config) redacted() Config {
	shown := c.clientOptions().Redacted()
	c.ClientKey, c.ClientKeyFile, c.APIURL = shown.ClientKey, shown.ClientKeyFile, shown.URL
	const redacted = "[redacted]"
	if c.CallbackSecret != "" {
		c.CallbackSecret = redacted
	}
	if c.CallbackURL != "" && callback.CheckURL(c.CallbackURL) != nil {
		c.CallbackURL = redacted // it may hold a password
	}
	return c
}

// configFields are a Config without methods.
type configFields Config

// Format implements [fmt.Formatter]: it prints "[redacted]" in place of what may be secret.
func (c Config) Format(state fmt.State, verb rune) {
	type Config configFields // so that %#v shows the type's name
	_, _ = fmt.Fprintf(state, fmt.FormatString(state, verb), Config(c.redacted()))
}

// LogValue implements [slog.LogValuer]: it logs "[redacted]" in place of what may be secret.
func (c Config) LogValue() slog.Value {
	shown := c.redacted()
	return slog.GroupValue(slog.String("ClientKey", shown.ClientKey), slog.String("ClientKeyFile", shown.ClientKeyFile),
		slog.String("APIURL", shown.APIURL), slog.String("CallbackURL", shown.CallbackURL),
		slog.String("CallbackSecret", shown.CallbackSecret),
		slog.String("MinBalance", shown.MinBalance), slog.Bool("DisableNexus", shown.DisableNexus))
}

// MarshalJSON implements [json.Marshaler]: it writes "[redacted]" in place of what may be secret.
func (c Config) MarshalJSON() ([]byte, error) {
	shown := c.redacted()
	return json.Marshal(struct {
		ClientKey, ClientKeyFile, APIURL, CallbackURL, CallbackSecret, MinBalance string
		DisableNexus                                                              bool
	}{
		shown.ClientKey, shown.ClientKeyFile, shown.APIURL, shown.CallbackURL, shown.CallbackSecret, shown.MinBalance,
		shown.DisableNexus,
	})
}
