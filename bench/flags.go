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

// mostTasks is how many one measurement of --costs may have.
const mostTasks = 100_000

// flags are what the command line takes.
type flags struct {
	Tasks         int           `default:"150" positive:"" placeholder:"N" help:"How many tasks each design gets (default 150)."`
	Rate          float64       `default:"5" placeholder:"N" help:"How many of them are submitted a second (default 5)."`
	MeanSolveTime time.Duration `default:"15s" with:",costs" placeholder:"DURATION" help:"How long they take on average until they are ready (default 15s)."`
	Seed          uint64        `default:"1" placeholder:"N" help:"Equal seeds give equal tasks (default 1)."`
	Design        []string      `with:",costs" placeholder:"NAME" sep:"none" help:"A design to run; repeat the flag for more (default: all of them; with --costs this project's)."`
	AtOnce        int           `default:"1" positive:"" placeholder:"N" help:"How many designs run at the same time (default 1). More take less time, and disturb each other's figures."`

	Scale        bool          `xor:"mode" with:"scale" help:"Hold many waits in flight instead."`
	Waits        []int         `default:"10000" group:"With --scale" placeholder:"N,N" help:"How many waits, one run for each number (default 10000)."`
	Workers      []int         `default:"1,2" group:"With --scale" placeholder:"N,N" help:"How many worker processes, one run for each number (default 1,2)."`
	PollInterval time.Duration `default:"3m" group:"With --scale" placeholder:"DURATION" help:"How often each of them polls (default 3m)."`
	Hold         time.Duration `group:"With --scale" placeholder:"DURATION" help:"How long they are held before all of them end (default: as long as --poll-interval, so that each polls once)."`
	Profiles     string        `group:"With --scale" placeholder:"FOLDER" help:"Where the worker processes write profiles of their CPU and heap in each phase, for go tool pprof. With --cluster, the server's processes too, of their CPU."`
	stage.Tuning `group:"With --scale"`

	Costs    bool          `xor:"mode" with:"costs" help:"Measure instead what a task costs a Temporal server and a worker, by several loads (Linux only)."`
	Loads    []float64     `default:"1,2,4" group:"With --costs" placeholder:"N,N,N" help:"How many tasks a second, three loads or more (default 1,2,4)."`
	Arrivals time.Duration `default:"25s" group:"With --costs" placeholder:"DURATION" help:"How long tasks arrive at each load (default 25s)."`

	Size    bool   `xor:"mode" with:"size" help:"Tell instead, from figures of --costs, what 10, 100 and 1000 tasks a second need. It starts nothing."`
	Figures string `group:"With --size" placeholder:"FILE" help:"The output of --costs --json (default: the figures that are kept in the repository)."`

	Cluster   bool   `with:"scale,costs" help:"Measure a Temporal server of several processes on PostgreSQL, which is started for it, beside a dev server (Linux only)."`
	Address   string `with:",scale" placeholder:"HOST:PORT" help:"Measure the Temporal server there, instead of dev servers."`
	Namespace string `with:",scale" placeholder:"NAME" help:"Its namespace (default: TEMPORAL_NAMESPACE, or \"default\")."`
	JSON      bool   `name:"json" with:",scale,costs,size" help:"Print JSON instead of a table."`
	command.CommonFlags
}

//go:embed help.txt
var help string

// mode is what the benchmark does: the name of a flag; "": it compares designs.
func (f flags) mode() string {
	switch {
	case f.Scale:
		return "scale"
	case f.Costs:
		return "costs"
	case f.Size:
		return "size"
	}
	return ""
}

// modesOf are those with which a flag has an effect.
func modesOf(flag *kong.Flag) []string {
	if flag.Group != nil {
		return []string{strings.TrimPrefix(flag.Group.Key, "With --")}
	}
	return strings.Split(flag.Tag.Get("with"), ",")
}

func (f flags) validate(parsed *kong.Context, environment command.Environment) error {
	for _, path := range parsed.Path {
		if path.Flag == nil || path.Resolved {
			continue // it is not on the command line
		}
		switch flag, modes := path.Flag, modesOf(path.Flag); {
		case slices.Contains(modes, f.mode()) || flag.Name == f.mode():
		case f.mode() == "" || flag.Group != nil:
			return fmt.Errorf("--%s goes with --%s only", flag.Name, strings.Join(modes, " or --"))
		default:
			return fmt.Errorf("--%s does not go with --%s", flag.Name, f.mode())
		}
		numbers, _ := path.Flag.Target.Interface().([]int)
		switch flag := path.Flag; {
		case flag.Target.Kind() == reflect.String && flag.Target.IsZero(), flag.Target.Kind() == reflect.Slice && flag.Target.Len() == 0:
			return fmt.Errorf("--%s is empty", flag.Name)
		case flag.Target.CanInt() && flag.Target.Int() < 0:
			return fmt.Errorf("--%s is negative", flag.Name)
		case flag.Tag.Has("positive") && flag.Target.IsZero():
			return fmt.Errorf("--%s is 0: it takes a positive number", flag.Name)
		case len(numbers) > 0 && slices.Min(numbers) < 1:
			return fmt.Errorf("--%s has %d: it takes positive numbers", flag.Name, slices.Min(numbers))
		}
	}
	for _, name := range f.Design {
		switch design, err := designs.Named(name); {
		case err != nil:
			return fmt.Errorf("--design %s: %w", name, err)
		case f.Costs && design.Start == nil:
			return fmt.Errorf("--design %s does not go with --costs: it does without Temporal", name)
		}
	}
	for _, load := range f.Loads {
		if !(load > 0 && load*f.Arrivals.Seconds() >= 1 && load*f.Arrivals.Seconds() <= mostTasks) {
			return fmt.Errorf("--loads has %g: in --arrivals, which is %s, that is not 1 to %d tasks", load, f.Arrivals, mostTasks)
		}
	}
	switch {
	case !slices.IsSorted(f.Loads) || len(slices.Compact(slices.Clone(f.Loads))) != len(f.Loads) || len(f.Loads) < 3:
		return errors.New("--loads takes three or more numbers, each larger than the one before")
	case f.Cluster && f.Address != "":
		return errors.New("--cluster does not go with --address")
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

// clusters tells of each server that is started, one after the other, whether it is a cluster.
func (f flags) clusters() []bool {
	if f.Cluster {
		return []bool{true, false}
	}
	return []bool{false}
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
		if len(f.Design) == 0 {
			return f.Costs && !design.Ours
		}
		return !slices.Contains(f.Design, design.Name)
	})
}
