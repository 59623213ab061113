package main

import (
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/designs"
	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/internal/schedule"
)

// flags are what the command line takes.
type flags struct {
	Tasks         int           `default:"150" positive:"" placeholder:"N" help:"How many tasks each design gets (default 150)."`
	Rate          float64       `default:"5" placeholder:"N" help:"How many of them are submitted a second (default 5)."`
	MeanSolveTime time.Duration `default:"15s" placeholder:"DURATION" help:"How long they take on average until they are ready (default 15s)."`
	Seed          uint64        `default:"1" placeholder:"N" help:"Equal seeds give equal tasks (default 1)."`
	Design        []string      `placeholder:"NAME" sep:"none" help:"A design to run; repeat the flag for more (default: all of them)."`
	AtOnce        int           `default:"1" positive:"" placeholder:"N" help:"How many designs run at the same time (default 1). More take less time, and disturb each other's figures."`

	Scale        bool          `help:"Hold many waits in flight instead, with one worker process and then with two."`
	Waits        int           `default:"10000" positive:"" group:"With --scale" placeholder:"N" help:"How many waits (default 10000)."`
	PollInterval time.Duration `default:"3m" group:"With --scale" placeholder:"DURATION" help:"How often each of them polls (default 3m)."`
	Profiles     string        `group:"With --scale" placeholder:"FOLDER" help:"Where the worker processes write profiles of their CPU and heap in each phase, for go tool pprof."`
	stage.Tuning `group:"With --scale"`

	Address   string `placeholder:"HOST:PORT" help:"Measure the Temporal server there, instead of dev servers."`
	Namespace string `placeholder:"NAME" help:"Its namespace (default: TEMPORAL_NAMESPACE, or \"default\")."`
	JSON      bool   `name:"json" help:"Print JSON instead of a table."`
	command.CommonFlags
}

//go:embed help.txt
var help string

func (f flags) validate(parsed *kong.Context, environment command.Environment) error {
	ofBoth := []string{"scale", "address", "namespace", "json"}
	for _, path := range parsed.Path {
		switch flag := path.Flag; {
		case flag == nil || path.Resolved: // it is not on the command line
		case flag.Group != nil && !f.Scale:
			return fmt.Errorf("--%s goes with --scale only", flag.Name)
		case flag.Group == nil && f.Scale && !slices.Contains(ofBoth, flag.Name):
			return fmt.Errorf("--%s does not go with --scale", flag.Name)
		case flag.Target.Kind() == reflect.String && flag.Target.IsZero():
			return fmt.Errorf("--%s is empty", flag.Name)
		case flag.Target.CanInt() && flag.Target.Int() < 0:
			return fmt.Errorf("--%s is negative", flag.Name)
		case flag.Tag.Has("positive") && flag.Target.IsZero():
			return fmt.Errorf("--%s is 0: it takes a positive number", flag.Name)
		}
	}
	for _, name := range f.Design {
		if _, err := designs.Named(name); err != nil {
			return fmt.Errorf("--design %s: %w", name, err)
		}
	}
	switch {
	case !(f.Rate > 0):
		return errors.New("--rate takes a positive number")
	case f.MeanSolveTime < time.Millisecond || stage.MostOfMean*f.MeanSolveTime > designs.WaitTimeout:
		return fmt.Errorf(`--mean-solve-time takes a positive duration, like "15s", up to %s: the slowest task takes %d times that`,
			designs.WaitTimeout/stage.MostOfMean, stage.MostOfMean)
	case f.PollInterval < schedule.MinInterval:
		return fmt.Errorf("--poll-interval is %s: it takes at least %s", f.PollInterval, schedule.MinInterval)
	case f.WorkflowPollers == 1:
		return errors.New("--workflow-pollers is 1: the SDK needs 2, one of them for the workflows in its cache")
	case f.Namespace != "" && f.Address == "":
		return errors.New("--namespace goes with --address only")
	case f.Address != "":
		_, err := command.ClientOptions(f.server(environment))
		return namingAddress(err)
	}
	return nil
}

// server has the TEMPORAL_* of the server that the flags name; nil: they name none.
func (f flags) server(environment command.Environment) (settings command.Environment) {
	if f.Address == "" {
		return nil
	}
	settings = append(settings, "TEMPORAL_ADDRESS="+f.Address) // the first of two counts
	if f.Namespace != "" {
		settings = append(settings, "TEMPORAL_NAMESPACE="+f.Namespace)
	}
	for _, variable := range environment {
		if strings.HasPrefix(variable, "TEMPORAL_") {
			settings = append(settings, variable)
		}
	}
	return settings
}

// namingAddress has an error name the flag instead of the variable, which has no effect here.
func namingAddress(err error) error {
	if err == nil {
		return nil
	}
	toFlag := strings.NewReplacer("TEMPORAL_ADDRESS, or address in temporal.toml,", "--address", "TEMPORAL_ADDRESS", "--address")
	return errors.New(toFlag.Replace(err.Error()))
}

// chosenDesigns are those to run, in the order of the table.
func (f flags) chosenDesigns() []designs.Design {
	return slices.DeleteFunc(designs.All(), func(design designs.Design) bool {
		return len(f.Design) > 0 && !slices.Contains(f.Design, design.Name)
	})
}
