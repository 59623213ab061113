// Command bench measures ways to wait for the results of 2captcha tasks, side by side: this project's,
// those of Temporal's polling guide, and a plain loop. With --scale it holds many waits in flight. Run
// it with --help for its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	f, parsed, shown, err := parseFlags(invocation)
	switch {
	case err != nil:
		return invocation.FailUsage(parsed, err)
	case shown:
		return command.ExitDone
	case f.Scale:
		err = scale(ctx, f, invocation)
	default:
		err = compare(ctx, f, invocation)
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
func compare(ctx context.Context, f flags, invocation command.Invocation) error {
	var report comparison
	report.Workload.machine = thisMachine()
	report.Workload.Workload = stage.NewWorkload(f.Tasks, f.Rate, f.MeanSolveTime, f.Seed)
	options := stage.Options{Invocation: invocation, Workers: 1, Tuning: f.Tuning}
	chosen := f.chosenDesigns()
	figures, errs := make([]stage.DesignFigures, len(chosen)), make([]error, len(chosen))
	slots := make(chan struct{}, f.AtOnce)
	var running sync.WaitGroup
	for i, design := range chosen {
		slots <- struct{}{}
		running.Go(func() {
			figures[i], errs[i] = stage.Compare(ctx, design, report.Workload.Workload, options)
			<-slots
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i, design := range chosen {
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", design.Name, errs[i])
			continue
		}
		report.Designs = append(report.Designs, figures[i])
		if design.Ours && figures[i].Lost > 0 {
			errs[i] = fmt.Errorf("%s lost %d of %d tasks", design.Name, figures[i].Lost, f.Tasks)
		}
	}
	return errors.Join(append(errs, write(invocation.Output, f.JSON, "designs.tmpl", report))...)
}

// scale holds the waits with one worker process, then with two, and prints the figures.
func scale(ctx context.Context, f flags, invocation command.Invocation) error {
	if f.Profiles != "" {
		if err := os.MkdirAll(f.Profiles, 0o755); err != nil {
			return fmt.Errorf("--profiles: %w", err)
		}
	}
	report, lost := scaling{PollInterval: f.PollInterval.Seconds(), machine: thisMachine()}, 0
	for workers := 1; workers <= 2; workers++ {
		options := stage.Options{
			Invocation: invocation, Workers: workers, Tuning: f.Tuning, Profiles: f.Profiles, UnlimitedPolls: true,
		}
		figures, err := stage.Hold(ctx, f.Waits, f.PollInterval, options)
		if err != nil {
			return err
		}
		report.Scale = append(report.Scale, figures)
		lost += figures.Lost
	}
	err := write(invocation.Output, f.JSON, "scale.tmpl", report)
	if lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d waits without a result", lost))
	}
	return err
}
