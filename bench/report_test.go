package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func madeUpReport() report {
	return report{
		Designs: []designReport{
			{
				Name: "timer", Tasks: 150, RequestsPerTask: 2.57, Delay: delayReport{Mean: 2754.2, P50: 2700.1, P95: 5312},
				EventsPerTask: 33.3, ActionsPerTask: 6.13, ServerCPU: pointer(71.26), WorkerCPU: pointer(7.4),
				EventsPerPoll: pointer(11), LongestRun: pointer(48872), Note: "ours",
			},
			{
				Name: "a-loop-that-never-ends", Tasks: 150, RequestsPerTask: 3, Delay: delayReport{Mean: 2600, P50: 2500, P95: 4900},
				EventsPerTask: 38, ActionsPerTask: 7, EventsPerPoll: pointer(11), LongestRun: pointer(23272), LongestWait: pointer(23272),
				Lost: 1, Note: "not advised",
			},
			{Name: "plain-loop", Tasks: 150, ServerCPU: pointer(0), WorkerCPU: pointer(1.2), Note: "without <Temporal>"},
		},
		Workload: workloadReport{
			Tasks: 150, ArrivalRate: 5, Seed: 1, MeanSolveTime: 15.3, MostSolveTime: 61.2, CPUs: 2, System: "linux/amd64",
		},
	}
}

func madeUpScale() scaleReports {
	run := scaleReport{
		Workers: 1, Waits: 10000,
		Start: phaseReport{
			Seconds: 60, Done: 10000, PerSecond: 166.7,
			Server: pointer(1.37), Workers: pointer(0.18), Bench: pointer(0.07),
		},
		Steady: phaseReport{
			Seconds: 180, Done: 10003, PerSecond: 55.6,
			Server: pointer(0.7), Workers: pointer(0.2), Bench: pointer(0.01),
		},
		Finish: phaseReport{
			Seconds: 100, Done: 10000, PerSecond: 100,
			Server: pointer(1.3), Workers: pointer(0.4), Bench: pointer(0.1),
		},
		PollDelay: delayReport{Mean: 110.5, P50: 104, P95: 291},
		Memory:    pointer(312.4), PeakMemory: pointer(340.6),
	}
	elsewhere := scaleReport{Workers: 2, Waits: 10000, Lost: 3}
	return scaleReports{Scale: []scaleReport{run, elsewhere}, PollInterval: 180, CPUs: 2, System: "linux/amd64"}
}

func TestFiguresAsTableAndAsJSON(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(*bytes.Buffer) error{
		"designs.txt":  func(to *bytes.Buffer) error { return madeUpReport().writeTable(to) },
		"designs.json": func(to *bytes.Buffer) error { return writeJSON(to, madeUpReport()) },
		"scale.txt":    func(to *bytes.Buffer) error { return madeUpScale().writeTable(to) },
		"scale.json":   func(to *bytes.Buffer) error { return writeJSON(to, madeUpScale()) },
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
