package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/size"
	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
)

func madeUpComparison() comparison {
	made := comparison{
		Designs: []stage.DesignFigures{
			{
				Name: "timer", Tasks: 150, RequestsPerTask: 2.57, Delay: stage.Delay{Mean: 2754.2, P50: 2700.1, P95: 5312},
				EventsPerTask: 33.3, ActionsPerTask: 6.13, ServerCPU: new(71.26), WorkerCPU: new(7.4),
				EventsPerPoll: new(11.0), LongestRun: new(48872.0), Note: "ours",
			},
			{
				Name: "a-loop-that-never-ends", Tasks: 150, RequestsPerTask: 3, Delay: stage.Delay{Mean: 2600, P50: 2500, P95: 4900},
				EventsPerTask: 38, ActionsPerTask: 7, EventsPerPoll: new(11.0), LongestRun: new(23272.0), LongestWait: new(23272.0),
				Lost: 1, Note: "not advised",
			},
			{Name: "solve", Tasks: 150, RequestsPerTask: 1.01, CreateTasks: new(1.0), Note: "submits"},
			{Name: "plain-loop", Tasks: 150, ServerCPU: new(0.0), WorkerCPU: new(1.2), Note: "without <Temporal>"},
		},
	}
	made.Workload.surroundings = surroundings{CPUs: 2, System: "linux/amd64", Address: "temporal.example:7233"}
	made.Workload.Workload = stage.Workload{
		Tasks: 150, ArrivalRate: 5, Seed: 1, MeanSolveTime: 15.3, MostSolveTime: 61.2,
	}
	return made
}

func madeUpScale() scaling {
	run := stage.HoldFigures{
		Server: "dev server", Workers: 1, Waits: 10000,
		Start: stage.Phase{
			Seconds: 60, Done: 10000, PerSecond: 166.7,
			Server: new(1.37), Workers: new(0.18), Bench: new(0.07),
		},
		Steady: stage.Phase{
			Seconds: 180, Done: 10003, PerSecond: 55.6,
			Server: new(0.7), Workers: new(0.2), Bench: new(0.01),
		},
		Finish: stage.Phase{
			Seconds: 100, Done: 10000, PerSecond: 100,
			Server: new(1.3), Workers: new(0.4), Bench: new(0.1),
		},
		PollDelay: stage.Delay{Mean: 110.5, P50: 104, P95: 291},
		Memory:    new(312.4), PeakMemory: new(340.6),
	}
	elsewhere := stage.HoldFigures{Server: "dev server", Workers: 2, Waits: 10000, Lost: 3}
	return scaling{Scale: []stage.HoldFigures{run, elsewhere}, PollInterval: 180, surroundings: surroundings{CPUs: 2, System: "linux/amd64"}}
}

func madeUpCosts() size.Figures {
	point := func(rate float64, tasks int) stage.Point {
		n := float64(tasks)
		return stage.Point{
			ArrivalRate: rate, Tasks: tasks, Seconds: 60, RequestsPerTask: 3.3,
			CPU: map[string]float64{
				"frontend": 0.5 + 0.03*n, "history": 1.2 + 0.1*n, "matching": 0.6 + 0.02*n, "system": 0.5, "PostgreSQL": 0.2 + 0.07*n,
				"worker": 0.1 + 0.015*n, "bench": 0.3,
			},
			Rows: new(400 + 105*n), Bytes: new(1e5 + 160_000*n), Busy: 40, WorkerMemory: 39,
		}
	}
	middle := point(2, 60)
	middle.CPU["history"], middle.CPU["worker"] = 6.8, 1.1
	dev := point(2, 60)
	dev.CPU, dev.Rows, dev.Bytes = map[string]float64{"dev server": 6.1, "worker": 1, "bench": 0.3}, nil, nil
	onDevServer := func(tasks int) stage.Point {
		point := dev
		point.Tasks = tasks
		return point
	}
	return size.Figures{
		Servers: []stage.ServerCosts{
			{
				Server: "cluster", Version: "1.32.1", Database: "PostgreSQL 15.18", Idle: point(0, 0),
				Designs: []stage.DesignCosts{{Design: "timer", Points: []stage.Point{point(1, 30), middle, point(4, 120)}}},
			},
			{
				Server: "dev server", Version: "1.29.1", Database: "SQLite in memory", Idle: onDevServer(0),
				Designs: []stage.DesignCosts{{Design: "timer", Points: []stage.Point{onDevServer(30), onDevServer(60), onDevServer(120)}}},
			},
		},
		Machine: size.Machine{MeanSolveTime: 15, Date: "2026-11-27", CPUs: 2, System: "linux/amd64"},
	}
}

func madeUpScaleOfACluster() scaling {
	made := madeUpScale()
	made.Scale[1] = made.Scale[0]
	made.Scale[0].Server = "cluster"
	for _, phase := range []*stage.Phase{&made.Scale[0].Start, &made.Scale[0].Steady, &made.Scale[0].Finish} {
		phase.Components = map[string]*float64{"history": new(0.5), "PostgreSQL": new(0.25)}
	}
	return made
}

func TestFiguresAsTableAndAsJSON(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(*bytes.Buffer) error{
		"designs.txt":  func(to *bytes.Buffer) error { return write(to, false, "designs.tmpl", madeUpComparison()) },
		"designs.json": func(to *bytes.Buffer) error { return write(to, true, "", madeUpComparison()) },
		"scale.txt":    func(to *bytes.Buffer) error { return write(to, false, "scale.tmpl", madeUpScale()) },
		"scale-cluster.txt": func(to *bytes.Buffer) error {
			return write(to, false, "scale.tmpl", madeUpScaleOfACluster())
		},
		"costs.txt":  func(to *bytes.Buffer) error { return write(to, false, "costs.tmpl", madeUpCosts()) },
		"costs.json": func(to *bytes.Buffer) error { return write(to, true, "", madeUpCosts()) },
		"size.txt":   func(to *bytes.Buffer) error { return write(to, false, "size.tmpl", madeUpCosts().Size(10, 100, 1000)) },
		"size.json":  func(to *bytes.Buffer) error { return write(to, true, "", madeUpCosts().Size(10, 100, 1000)) },
		"scale.json": func(to *bytes.Buffer) error { return write(to, true, "", madeUpScale()) },
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", file))
			require.NoError(t, err)
			var got bytes.Buffer
			require.NoError(t, write(&got))
			require.Equal(t, string(want), got.String())
		})
	}
}
