package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

// flags are what the command line takes.
type flags struct {
	Tasks         int           `default:"150" placeholder:"N" help:"How many tasks each design gets (default 150)."`
	Rate          float64       `default:"5" placeholder:"N" help:"How many of them are submitted a second (default 5)."`
	MeanSolveTime time.Duration `default:"15s" placeholder:"DURATION" help:"How long they take on average until they are ready (default 15s)."`
	Seed          uint64        `default:"1" placeholder:"N" help:"Equal seeds give equal tasks (default 1)."`
	Design        []string      `placeholder:"NAME" sep:"none" help:"A design to run, again for more (default: all of them)."`
	AtOnce        int           `default:"1" placeholder:"N" help:"How many designs run at the same time (default 1). More take less time, and disturb each other's figures."`

	Scale        bool          `help:"Hold many waits in flight instead, with one worker process and then with two."`
	Waits        int           `default:"10000" group:"With --scale" placeholder:"N" help:"How many waits (default 10000)."`
	PollInterval time.Duration `default:"3m" group:"With --scale" placeholder:"DURATION" help:"How often each of them polls (default 3m)."`
	Profiles     string        `group:"With --scale" placeholder:"FOLDER" help:"Where the worker processes write profiles of their CPU and heap in each phase, for go tool pprof."`
	workerTuning

	JSON bool `name:"json" help:"Print JSON in place of a table."`
	command.CommonFlags
}

// parseFlags reads the command line. Where it asks for help or for the version, it writes that to stdout and answers shown. An
// error says what is wrong with which flag.
func parseFlags(args []string, environment command.Environment, stdout io.Writer) (given flags, shown bool, err error) {
	parsed, shown, err := command.Invocation{Name: "bench", Arguments: args, Environment: environment, Output: stdout}.ParseFlags(description, &given)
	switch {
	case err != nil:
		return flags{}, false, errors.New(strings.ReplaceAll(err.Error(), `but got "EOL" (<EOL>)`, "but got none"))
	case shown:
		return given, true, nil
	}
	return given, false, given.validate(parsed)
}

func (f flags) validate(parsed *kong.Context) error {
	for _, flag := range parsed.Flags() {
		switch forScale := flag.Group != nil; {
		case !given(parsed, flag):
		case forScale && !f.Scale:
			return fmt.Errorf("--%s goes with --scale only", flag.Name)
		case !forScale && f.Scale && flag.Name != "scale" && flag.Name != "json":
			return fmt.Errorf("--%s does not go with --scale", flag.Name)
		case flag.Target.CanInt() && flag.Target.Int() < 0:
			return fmt.Errorf("--%s is negative", flag.Name)
		}
	}
	for _, name := range f.Design {
		if _, known := designNamed(name); !known {
			return fmt.Errorf("--design %s: the designs are %s", name, strings.Join(designNames(), ", "))
		}
	}
	switch {
	case f.Tasks < 1:
		return errors.New("--tasks is 0: it takes a positive number")
	case !(f.Rate > 0):
		return errors.New("--rate takes a positive number")
	case f.MeanSolveTime < time.Millisecond || mostOfMean*f.MeanSolveTime > waitTimeout:
		return fmt.Errorf(`--mean-solve-time takes a positive duration, like "15s", up to %s: the slowest task takes %d times that`,
			waitTimeout/mostOfMean, mostOfMean)
	case f.AtOnce < 1:
		return errors.New("--at-once is 0: it takes a positive number")
	case f.Waits < 1:
		return errors.New("--waits is 0: it takes a positive number")
	case f.PollInterval < schedule.MinInterval:
		return fmt.Errorf("--poll-interval is %s: it takes at least %s", f.PollInterval, schedule.MinInterval)
	case f.WorkflowPollers == 1:
		return errors.New("--workflow-pollers is 1: the SDK needs 2, one of them for the workflows in its cache")
	}
	return nil
}

// given tells whether a flag is on the command line.
func given(parsed *kong.Context, flag *kong.Flag) bool {
	return slices.ContainsFunc(parsed.Path, func(path *kong.Path) bool { return path.Flag == flag && !path.Resolved })
}

// chosenDesigns are those to run, in the order of the table.
func (f flags) chosenDesigns() []design {
	if len(f.Design) == 0 {
		return designs()
	}
	return slices.DeleteFunc(designs(), func(design design) bool { return !slices.Contains(f.Design, design.name) })
}

const description = `Puts the same tasks through several ways to wait for their results, and prints what each costs: requests,
delay, history events, billable actions and CPU time. Each has a Temporal dev server, a simulated 2captcha and a worker
process of its own, one after the other.

Designs:
  timer            this project's, by default: a durable timer and an activity for each poll
  callback         this project's, woken by the service's callback
  activityRetry    this project's economy mode: one activity, whose attempts are the polls
  retry-guide      Temporal's polling guide: an activity that is retried at a constant interval
  heartbeat-guide  Temporal's polling guide: a loop in an activity, with heartbeats
  child-guide      Temporal's polling guide: a child workflow that polls and continues as new
  plain-loop       no Temporal: a loop in memory every 10 s, as the service's official clients have it

Output: a table or, with --json, a JSON object; progress on standard error.

Environment:
  TEMPORAL_CLI   The Temporal CLI that runs the dev servers, a path or a name on the PATH.

Examples:
  bench
  bench --design timer --design callback --tasks 300 --json
  bench --scale --profiles profiles

Exit status:
  0    done
  1    a design failed, or one of this project's has lost a result
  2    bad usage
  130  interrupted`
