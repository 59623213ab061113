// Command bench measures ways to wait for the results of 2captcha tasks, side by side: this
// project's, those of Temporal's polling guide, and a plain loop. With --scale it holds many waits
// in flight. Run it with --help for its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

func main() {
	if stage.IsWorker(os.Args) {
		command.Main("bench worker", stage.RunWorker)
	}
	command.Main("bench", run)
}

// run is the whole command except for signal handling: a signal cancels ctx. It returns the exit
// status.
func run(ctx context.Context, invocation command.Invocation) int {
	var f flags
	parsed, shown, err := invocation.ParseFlags(help, &f)
	if err == nil && !shown {
		err = f.validate(parsed, invocation.Environment)
	}
	switch {
	case err != nil:
		return invocation.FailUsage(parsed, err)
	case shown:
		return command.ExitDone
	}
	options := stage.Options{Invocation: invocation, Tuning: f.Tuning, Temporal: f.server(invocation.Environment)}
	if options.Temporal != nil {
		err = namingAddress(stage.CheckServer(ctx, options.Temporal))
	}
	measure := compare
	if f.Scale {
		measure = scale
	}
	if err == nil {
		err = measure(ctx, f, options)
	}
	switch {
	case ctx.Err() != nil:
		return invocation.Fail(command.ExitInterrupted, errors.New("interrupted"))
	case err != nil:
		return invocation.Fail(command.ExitFailed, err)
	}
	return command.ExitDone
}

// compare runs the designs and prints their figures. The error says what failed, and what this
// project's designs lost.
func compare(ctx context.Context, f flags, options stage.Options) error {
	var report comparison
	report.Workload.surroundings = f.surroundings()
	report.Workload.Workload = stage.NewWorkload(f.Tasks, f.Rate, f.MeanSolveTime, f.Seed)
	options.Workers = 1
	chosen := f.chosenDesigns()
	report.Designs = make([]stage.DesignFigures, len(chosen))
	errs := make([]error, len(chosen))
	slots := make(chan struct{}, f.AtOnce)
	var running sync.WaitGroup
	for i, design := range chosen {
		slots <- struct{}{}
		running.Go(func() {
			report.Designs[i], errs[i] = stage.Compare(ctx, design, report.Workload.Workload, options)
			<-slots
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	report.Designs = slices.DeleteFunc(report.Designs, func(f stage.DesignFigures) bool { return f.Name == "" })
	return errors.Join(append(errs, write(options.Output, f.JSON, "designs.tmpl", report))...)
}

// scale holds the waits with one worker process, then with two, and prints the figures.
func scale(ctx context.Context, f flags, options stage.Options) error {
	report, lost := scaling{PollInterval: f.PollInterval.Seconds(), surroundings: f.surroundings()}, 0
	options.Profiles, options.UnlimitedPolls = f.Profiles, true
	for options.Workers = 1; options.Workers <= 2; options.Workers++ {
		figures, err := stage.Hold(ctx, f.Waits, f.PollInterval, options)
		if err != nil {
			return err
		}
		report.Scale = append(report.Scale, figures)
		lost += figures.Lost
	}
	err := write(options.Output, f.JSON, "scale.tmpl", report)
	if lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d waits without a result", lost))
	}
	return err
}
