// Command bench measures ways to wait for the results of 2captcha tasks, side by side: this
// project's, those of Temporal's polling guide, and a plain loop. With --scale it holds many waits
// in flight, with --costs it measures what a task costs the parts of a server, and with --size it
// tells from that what many tasks need. Run it with --help for its flags.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/size"
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
	options := stage.Options{
		Invocation: invocation, Tuning: f.Tuning, Temporal: f.server(invocation.Environment), Cluster: f.Cluster,
	}
	if options.Temporal != nil {
		err = namingAddress(stage.CheckServer(ctx, options.Temporal))
	}
	measure := map[string]func(context.Context, flags, stage.Options) error{
		"": compare, "scale": scale, "costs": costs, "size": sizing,
	}[f.mode()]
	if (f.Costs || f.Cluster) && runtime.GOOS != "linux" {
		err = errors.New("--costs and --cluster need Linux: CPU time is read from /proc")
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

// scale holds each number of waits with each number of worker processes, and prints the figures. If
// one run fails, those before it are printed: each may have taken half an hour.
func scale(ctx context.Context, f flags, options stage.Options) error {
	report := scaling{PollInterval: f.PollInterval.Seconds(), surroundings: f.surroundings()}
	options.Profiles, options.UnlimitedPolls = f.Profiles, true
	var err error
	report.Scale, err = hold(ctx, f, options)
	if len(report.Scale) > 0 {
		err = errors.Join(err, write(options.Output, f.JSON, "scale.tmpl", report))
	}
	return err
}

func hold(ctx context.Context, f flags, options stage.Options) (held []stage.HoldFigures, lost error) {
	for _, options.Cluster = range f.clusters() {
		for _, waits := range f.Waits {
			for _, options.Workers = range f.Workers {
				figures, err := stage.Hold(ctx, waits, f.PollInterval, cmp.Or(f.Hold, f.PollInterval), options)
				if err != nil {
					return held, errors.Join(lost, err)
				}
				held = append(held, figures)
				if figures.Lost > 0 {
					lost = errors.Join(lost, fmt.Errorf("%d of %d waits without a result", figures.Lost, figures.Waits))
				}
			}
		}
	}
	return held, lost
}

// mostBusy is the percentage of the machine's CPUs above which processes wait for one so much that
// figures are not those of a server with CPUs to spare.
const mostBusy = 85

// costs measures what tasks cost each server, one after the other, and prints the figures. If the
// second server fails, those of the first one are printed.
func costs(ctx context.Context, f flags, options stage.Options) error {
	figures := size.Figures{Machine: size.Machine{
		Date: time.Now().UTC().Format(time.DateOnly), CPUs: runtime.NumCPU(), System: f.surroundings().System, MeanSolveTime: f.MeanSolveTime.Seconds(),
	}}
	plan := stage.CostPlan{Designs: f.chosenDesigns(), Loads: f.Loads, Arrivals: f.Arrivals, MeanSolveTime: f.MeanSolveTime}
	options.Workers = 1
	var errs error
	for _, options.Cluster = range f.clusters() {
		measured, err := costsOnServer(ctx, plan, options)
		if err != nil {
			errs = errors.Join(errs, err)
			break
		}
		figures.Servers = append(figures.Servers, measured)
		idle := stage.DesignCosts{Design: "idle", Points: []stage.Point{measured.Idle}}
		for _, design := range append(measured.Designs, idle) {
			for _, point := range design.Points {
				if point.Busy > mostBusy {
					errs = errors.Join(errs, fmt.Errorf("%s, %s at %g tasks a second: %.0f %% of the CPUs were busy, which is over %d %%: "+
						"run it on a machine with nothing else to do, or with lower --loads",
						measured.Server, design.Design, point.ArrivalRate, point.Busy, mostBusy))
				}
			}
		}
	}
	if len(figures.Servers) > 0 {
		errs = errors.Join(errs, write(options.Output, f.JSON, "costs.tmpl", figures))
	}
	return errs
}

func costsOnServer(ctx context.Context, plan stage.CostPlan, options stage.Options) (measured stage.ServerCosts, err error) {
	if options.Server, err = stage.StartServer(ctx, options); err != nil {
		return measured, err
	}
	defer func() { err = errors.Join(err, options.Server.Stop()) }()
	return stage.MeasureCosts(ctx, plan, options)
}

// sizing prints what many tasks need, from the kept figures or those of a file.
func sizing(_ context.Context, f flags, options stage.Options) error {
	figures, err := size.Kept()
	if f.Figures != "" {
		var text []byte
		if text, err = os.ReadFile(f.Figures); err == nil {
			figures, err = size.Parse(text)
		}
		if err != nil {
			err = fmt.Errorf("--figures %s: %w", f.Figures, err)
		}
	}
	if err != nil {
		return err
	}
	return write(options.Output, f.JSON, "size.tmpl", figures.Size(10, 100, 1000))
}
