// Package command reads what the commands are told: by their command line, by the environment, and by Temporal's
// temporal.toml.
package command

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// CommonFlags are those that every command has, embedded in its own. A flag with an environment tag takes its value from that
// variable where the command line does not give it. The account's key is no flag: what is on a command line is seen by
// every process.
type CommonFlags struct {
	Help    bool `short:"h" help:"Show this help and exit."`
	Version bool `help:"Show the version and exit."`
}

func (f CommonFlags) common() CommonFlags { return f }

// ParseFlags reads the command line and the environment into flags, a pointer to a struct that embeds [CommonFlags]. Where
// these ask for help or for the version, it writes that to stdout and answers shown. An error says what is wrong with which
// flag or argument. In help texts and defaults, ${api_url}, ${task_queue}, ${workflow_cache_size} and ${worker_pollers} are the
// defaults.
func ParseFlags(command, description string, flags interface{ common() CommonFlags }, args []string, environment Environment,
	stdout io.Writer) (parsed *kong.Context, shown bool, err error) {
	parser, err := kong.New(flags,
		kong.Name(command),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{NoAppDescFormat: true, FlagsLast: true}),
		kong.ValueFormatter(helpWithVariable),
		kong.NoDefaultHelp(), // kong's own ends the process
		kong.Writers(stdout, io.Discard),
		kong.Vars{
			"api_url": twocaptcha.DefaultURL, "task_queue": workflows.TaskQueue,
			"workflow_cache_size": strconv.Itoa(WorkflowCacheSize), "worker_pollers": strconv.Itoa(WorkerPollers),
		},
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
			if value := environment.Getenv(flag.Tag.Get("environment")); value != "" {
				return value, nil
			}
			return nil, nil
		})),
	)
	if err != nil {
		return nil, false, err
	}
	parsed, err = parser.Parse(args)
	switch {
	case err != nil:
		return nil, false, errors.New(strings.ReplaceAll(err.Error(), `but got "EOL" (<EOL>)`, "but got none"))
	case flags.common().Help:
		return parsed, true, parsed.PrintUsage(false)
	case flags.common().Version:
		_, err := fmt.Fprintln(stdout, command, twocaptcha.Version)
		return parsed, true, err
	}
	return parsed, false, nil
}

func helpWithVariable(value *kong.Value) string {
	if variable := value.Tag.Get("environment"); variable != "" {
		return value.Help + " Environment: " + variable + "."
	}
	return value.Help
}
