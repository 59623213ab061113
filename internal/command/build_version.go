package command

import (
	"cmp"
	"fmt"
	"runtime/debug"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// linkedCommit is set by the linker, for builds without the repository, such as an image's:
//
//	go build -ldflags "-X github.com/temporal-providers/temporal-2captcha/internal/command.linkedCommit=…"
var linkedCommit string

// buildVersion is what --version shows: the module's version and, if known, the commit that was
// built, with -dirty if files were changed since.
func buildVersion() string {
	build, _ := debug.ReadBuildInfo()
	commit := cmp.Or(linkedCommit, commitOf(build))
	if commit == "" {
		return twocaptcha.Version
	}
	return fmt.Sprintf("%s (commit %s)", twocaptcha.Version, commit)
}

// commitOf returns "" for a build without the repository, such as go run's, or one of a module that
// was downloaded.
func commitOf(build *debug.BuildInfo) string {
	if build == nil {
		return ""
	}
	var commit, dirty string
	for _, setting := range build.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty
}
