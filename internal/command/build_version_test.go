package command

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

func TestCommitOfABuild(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings []debug.BuildSetting
		commit   string
	}{
		"clean":                      {[]debug.BuildSetting{{Key: "vcs.revision", Value: "1234"}, {Key: "vcs.modified", Value: "false"}}, "1234"},
		"changed since":              {[]debug.BuildSetting{{Key: "vcs.revision", Value: "1234"}, {Key: "vcs.modified", Value: "true"}}, "1234-dirty"},
		"before the first commit":    {[]debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.modified", Value: "true"}}, ""},
		"built without a repository": {nil, ""},
	} {
		require.Equal(t, test.commit, commitOf(&debug.BuildInfo{Settings: test.settings}), name)
	}
	require.Empty(t, commitOf(nil), "a binary without build information")
}

// The commands as users and the image build them.
func TestVersionNamesTheCommit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds the commands")
	}
	for name, test := range map[string]struct {
		arguments []string
		commit    string // a pattern
	}{
		"worker":  {[]string{"-buildvcs=false", "-ldflags", "-X " + module + "/internal/command.linkedCommit=abc123-dirty"}, ` \(commit abc123-dirty\)`},
		"starter": {[]string{"-buildvcs=false"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			binary := filepath.Join(t.TempDir(), name)
			build := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", binary}, test.arguments...), module+"/"+name)...)
			output, err := build.CombinedOutput()
			require.NoError(t, err, string(output))
			output, err = exec.CommandContext(t.Context(), binary, "--version").Output()
			require.NoError(t, err)
			require.Regexp(t, `^`+name+` `+strings.ReplaceAll(twocaptcha.Version, ".", `\.`)+test.commit+`\n$`, string(output))
		})
	}
}

const module = "github.com/temporal-providers/temporal-2captcha"
