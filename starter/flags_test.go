package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// People copy the command that the starter prints, so a shell must read its words as they were.
func TestCommandToResumeKeepsTheServersFlags(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]serverFlags{
		"": {TaskQueue: workflows.TaskQueue, APIURL: twocaptcha.DefaultURL},
		" --task-queue 'my queue' --fairness-key 'Ann'\\''s shop'": {TaskQueue: "my queue", FairnessKey: "Ann's shop"},
		" --dev --api-url 'http://localhost:1/?a&b'": {TaskQueue: workflows.TaskQueue, Dev: true, APIURL: "http://localhost:1/?a&b"},
	} {
		require.Equal(t, want, f.commandLine())
	}
}
