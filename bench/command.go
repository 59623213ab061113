package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/temporal-providers/temporal-2captcha/internal/command"
)

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// run is the whole command but for its signals, of which ctx tells. It returns the exit status.
func run(ctx context.Context, args []string, environment command.Environment, stdout, stderr io.Writer) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(stderr, "bench:", strings.TrimSpace(err.Error()))
		return status
	}
	flags, shown, err := parseFlags(args, environment, stdout)
	if err != nil {
		return fail(exitUsage, fmt.Errorf("%w (see bench --help)", err))
	}
	if shown {
		return exitDone
	}
	options := stageOptions{
		cli: environment.Getenv("TEMPORAL_CLI"), download: environment.Getenv("TEMPORAL_CLI_DOWNLOAD"), messages: &oneAtATime{to: stderr}, workers: 1, tuning: flags.workerTuning,
	}
	if flags.Scale {
		err = printScale(ctx, flags, options, stdout)
	} else {
		err = printComparison(ctx, flags, options, stdout)
	}
	switch {
	case ctx.Err() != nil:
		return fail(exitInterrupted, errors.New("interrupted"))
	case err != nil:
		return fail(exitFailed, err)
	}
	return exitDone
}

// printComparison runs the designs and prints their figures. The error says what failed, and of ours also what was lost.
func printComparison(ctx context.Context, flags flags, options stageOptions, stdout io.Writer) error {
	workload := workload{tasks: flags.Tasks, rate: flags.Rate, meanSolveTime: flags.MeanSolveTime, seed: flags.Seed}
	tasks := workload.draw()
	chosen := flags.chosenDesigns()
	reports, failures := make([]designReport, len(chosen)), make([]error, len(chosen))
	slots := make(chan struct{}, flags.AtOnce)
	var running sync.WaitGroup
	for i, design := range chosen {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			reports[i], failures[i] = runDesign(ctx, design, tasks, options)
			<-slots
		})
	}
	running.Wait()
	report := report{Workload: newWorkloadReport(workload, tasks)}
	var errs []error
	for i, design := range chosen {
		if failures[i] != nil {
			errs = append(errs, fmt.Errorf("%s: %w", design.name, failures[i]))
			continue
		}
		report.Designs = append(report.Designs, reports[i])
		if loss := reports[i].firstLoss; loss != nil {
			loss = fmt.Errorf("%s lost %d of %d, such as %w", design.name, reports[i].Lost, reports[i].Tasks, loss)
			say(options.messages, "%v", loss)
			if design.ours {
				errs = append(errs, loss)
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(append(errs, printFigures(stdout, flags.JSON, report))...)
}

// printScale holds the waits with one worker process, then with two, and prints the figures.
func printScale(ctx context.Context, flags flags, options stageOptions, stdout io.Writer) error {
	if flags.Profiles != "" {
		if err := os.MkdirAll(flags.Profiles, 0o755); err != nil {
			return fmt.Errorf("--profiles: %w", err)
		}
	}
	options.profiles, options.unlimitedPolls = flags.Profiles, true
	report := scaleReports{PollInterval: flags.PollInterval.Seconds(), CPUs: runtime.NumCPU(), System: system()}
	lost := 0
	for workers := 1; workers <= 2; workers++ {
		options.workers = workers
		run, err := runScale(ctx, scaleOptions{waits: flags.Waits, pollInterval: flags.PollInterval, stageOptions: options})
		if err != nil {
			return err
		}
		report.Scale = append(report.Scale, run)
		lost += run.Lost
	}
	err := printFigures(stdout, flags.JSON, report)
	if lost > 0 {
		err = errors.Join(err, fmt.Errorf("%d waits without a result", lost))
	}
	return err
}

// printFigures prints figures that can be a table.
func printFigures(stdout io.Writer, asJSON bool, figures interface{ writeTable(io.Writer) error }) error {
	if asJSON {
		return writeJSON(stdout, figures)
	}
	return figures.writeTable(stdout)
}

func system() string { return runtime.GOOS + "/" + runtime.GOARCH }

// oneAtATime keeps the lines of several writers apart.
type oneAtATime struct {
	mutex sync.Mutex
	to    io.Writer
}

func (o *oneAtATime) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.to.Write(data)
}
