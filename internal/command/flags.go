package command

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/provider"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// CommonFlags are the flags of every command, embedded in its command line. A flag with an
// environment tag takes its value from that variable if the command line does not give it. The
// account's key is not a flag: every process can see what is on a command line.
type CommonFlags struct {
	Help    bool `short:"h" help:"Show this help and exit."`
	Version bool `help:"Show the version and commit, and exit."`
}

func (f CommonFlags) common() CommonFlags { return f }

// ParseFlags reads the command line and the environment into flags, a pointer to a struct that
// embeds [CommonFlags]. If they ask for help or for the version, it writes that to standard output
// and returns shown. An error says which flag or argument is wrong; what was parsed before is
// returned with it.
//
// In help texts and defaults, ${api_url}, ${task_queue}, ${workflow_cache_size}, ${worker_pollers}
// and ${verify_limit} are the defaults. The help of a subcommand begins with the text of its
// Description method; description is that of a command without subcommands.
func (i Invocation) ParseFlags(description string, flags interface{ common() CommonFlags }) (
	parsed *kong.Context, shown bool, err error) {
	parser, err := kong.New(flags,
		kong.Name(i.Name),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{NoAppDescFormat: true, FlagsLast: true}),
		kong.Help(printHelp),
		kong.ValueFormatter(helpWithVariable),
		kong.NoDefaultHelp(), // kong's own ends the process
		kong.Writers(i.Output, io.Discard),
		kong.Vars{
			"api_url": twocaptcha.DefaultURL, "task_queue": workflows.TaskQueue,
			"workflow_cache_size": strconv.Itoa(WorkflowCacheSize), "worker_pollers": strconv.Itoa(WorkerPollers),
			"verify_limit": strconv.Itoa(provider.DefaultVerifyLimit),
		},
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
			if value := i.Environment.Getenv(flag.Tag.Get("environment")); value != "" {
				return value, nil
			}
			return nil, nil
		})),
	)
	if err != nil {
		return nil, false, err
	}
	parsed, err = parser.Parse(i.Arguments)
	var parseError *kong.ParseError
	switch {
	case errors.As(err, &parseError):
		return parseError.Context, false, errors.New(strings.ReplaceAll(err.Error(), `but got "EOL" (<EOL>)`, "but got none"))
	case err != nil:
		return nil, false, err
	case flags.common().Help:
		return parsed, true, parsed.PrintUsage(false)
	case flags.common().Version:
		_, err := fmt.Fprintln(i.Output, commandName(parsed), buildVersion())
		return parsed, true, err
	}
	return parsed, false, nil
}

// FailUsage is Fail for a command line that is wrong: the line names the help to read. parsed is
// what ParseFlags returned.
func (i Invocation) FailUsage(parsed *kong.Context, err error) int {
	if parsed != nil {
		err = fmt.Errorf("%w (see %s --help)", err, commandName(parsed))
	}
	return i.Fail(ExitUsage, err)
}

// commandName is how a user calls the command, or its subcommand. A hidden subcommand is the
// default one, whose name nobody writes.
func commandName(parsed *kong.Context) string {
	if selected := parsed.Selected(); selected != nil && !selected.Hidden {
		return selected.FullPath()
	}
	return parsed.Model.Name
}

// printHelp prints a subcommand's description as it is, which kong would wrap, and the rest of the
// help as kong does.
func printHelp(options kong.HelpOptions, parsed *kong.Context) error {
	if selected := parsed.Selected(); selected != nil {
		arguments := strings.TrimPrefix(selected.Summary(), selected.Name)
		fmt.Fprintf(parsed.Stdout, "Usage: %s%s\n", commandName(parsed), arguments)
		if command, described := selected.Target.Addr().Interface().(interface{ Description() string }); described {
			fmt.Fprintf(parsed.Stdout, "\n%s\n", command.Description())
		}
		options.NoAppSummary = true
	}
	return kong.DefaultHelpPrinter(options, parsed)
}

func helpWithVariable(value *kong.Value) string {
	if variable := value.Tag.Get("environment"); variable != "" {
		return value.Help + " Environment: " + variable + "."
	}
	return value.Help
}
