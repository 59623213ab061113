package cluster

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/temporal-providers/temporal-2captcha/internal/loopback"
	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

const storeName, visibilityName = "temporal", "temporal_visibility"

// configuration is a server process's, with fields of
// https://docs.temporal.io/references/configuration.
//
//go:embed server.yaml
var configuration string

// ownSettings are the dynamic configuration of every cluster here.
var ownSettings = []string{
	// The server would ask Temporal's site for its newest version.
	"frontend.enableServerVersionCheck=false",
	// A new namespace would be known everywhere after 10 seconds only.
	`system.namespaceCacheRefreshInterval="1s"`,
}

// configure writes a file for each process of the server, and has them run with it.
func (c *Cluster) configure(options Options, server string) error {
	var settings strings.Builder
	for _, setting := range append(ownSettings, options.DynamicConfig...) {
		key, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&settings, "%s:\n  - value: %s\n", key, value)
	}
	dynamicConfig := filepath.Join(c.folder, "dynamic.yaml")
	if err := os.WriteFile(dynamicConfig, []byte(settings.String()), 0o600); err != nil {
		return err
	}
	parsed := template.Must(template.New("server").Parse(configuration))
	for _, member := range c.members {
		if member.Role == PostgreSQL {
			continue
		}
		// A process looks here for the ports of its own, and for the frontend's HTTP port.
		services := map[Role]ports{}
		for _, role := range []Role{Frontend, History, Matching, Worker} {
			services[role] = c.member(role).ports
		}
		services[member.Role] = member.ports
		var text strings.Builder
		err := parsed.Execute(&text, map[string]any{
			"Store": storeName, "Visibility": visibilityName, "Database": c.Database(), "User": databaseUser,
			"Host": loopback.Host, "Services": services, "ProfilePort": member.ports.profile, "DynamicConfig": dynamicConfig,
			"Frontend": c.Address(), "FrontendHTTP": loopback.Address(c.member(Frontend).ports.HTTP),
		})
		file := filepath.Join(c.folder, member.Name+".yaml")
		if err == nil {
			err = os.WriteFile(file, []byte(text.String()), 0o600)
		}
		if err != nil {
			return err
		}
		member.command = process.Command{
			Path:        server,
			Arguments:   []string{"--config-file", file, "--allow-no-auth", "start", "--service", string(member.Role)},
			Folder:      c.folder,
			Environment: process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_"),
		}
	}
	return nil
}
