package size_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/size"
	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
)

// linear is a point of tasks that cost what they are to cost, on a server of two processes.
func linear(rate float64, tasks int) stage.Point {
	const seconds = 40
	return stage.Point{
		ArrivalRate: rate, Tasks: tasks, Seconds: seconds, RequestsPerTask: 3.3,
		CPU: map[string]float64{
			"history": 0.020*seconds + 0.100*float64(tasks), "matching": 0.005 * seconds,
			"worker": 0.001*seconds + 0.015*float64(tasks), "bench": 1,
		},
		Rows: new(10*seconds + 100*float64(tasks)), Bytes: new(1000*seconds + 150_000*float64(tasks)),
	}
}

func linearFigures() size.Figures {
	return size.Figures{Servers: []stage.ServerCosts{{
		Server: "cluster", Idle: linear(0, 0),
		Designs: []stage.DesignCosts{{Design: "timer", Points: []stage.Point{linear(3, 120), linear(1, 40), linear(2, 80)}}},
	}}}
}

func TestCostIsTheSlope(t *testing.T) {
	t.Parallel()
	costs := linearFigures().Costs()
	require.Len(t, costs, 1)
	cost := costs[0]
	require.Equal(t, size.Values{"history": 100, "matching": 0, "server": 100, "worker": 15, "rows": 100, "bytes": 150_000}, cost.PerTask)
	require.Equal(t, size.Values{"history": 20, "matching": 5, "server": 25, "worker": 1, "rows": 10, "bytes": 1000}, cost.Idle)
	require.Equal(t, 2.0, cost.Check.Load)
	for name, percent := range cost.Check.Errors {
		require.Zero(t, percent, name)
	}
	require.Len(t, cost.Check.Errors, 6)
}

func TestCheckIsOfALoadThatTheCostDoesNotKnow(t *testing.T) {
	t.Parallel()
	figures := linearFigures()
	middle := &figures.Servers[0].Designs[0].Points[2]
	middle.CPU["history"] *= 1.25
	cost := figures.Costs()[0]
	require.Equal(t, linearFigures().Costs()[0].PerTask, cost.PerTask)
	require.Equal(t, -20.0, cost.Check.Errors["history"], "the cost says less than was measured")
	require.Zero(t, cost.Check.Errors["worker"])
}

func TestNoTaskCostsLessThanNothing(t *testing.T) {
	t.Parallel()
	figures := linearFigures()
	for _, point := range figures.Servers[0].Designs[0].Points {
		point.CPU["matching"] = 0.1
	}
	cost := figures.Costs()[0]
	require.Zero(t, cost.PerTask["matching"])
	require.Equal(t, 5.0, cost.Idle["matching"])
	require.Equal(t, 25.0, cost.Idle["server"], "the sum of its components")
}

func TestSizeIsIdleAndTasks(t *testing.T) {
	t.Parallel()
	sizing := linearFigures().Size(10, 1000)
	require.Len(t, sizing.Designs, 1)
	require.Equal(t, []size.Size{
		{TasksPerSecond: 10, Cores: size.Values{"history": 1.02, "matching": 0.005, "server": 1.025, "worker": 0.151}, Rows: new(1010.0), Bytes: new(1_501_000.0)},
		{TasksPerSecond: 1000, Cores: size.Values{"history": 100.02, "matching": 0.005, "server": 100.025, "worker": 15.001}, Rows: new(100_010.0), Bytes: new(150_001_000.0)},
	}, sizing.Designs[0].Sizes)
}

func TestKeptFiguresAreComplete(t *testing.T) {
	t.Parallel()
	figures, err := size.Kept()
	require.NoError(t, err)
	require.NotEmpty(t, figures.Date)
	require.Positive(t, figures.CPUs)
	require.Len(t, figures.Servers, 2)
	for i, components := range [][]string{stage.Components(), {"dev server"}} {
		server := figures.Servers[i]
		require.NotEmpty(t, server.Version)
		for _, point := range append(slices.Concat(server.Designs[0].Points), server.Idle) {
			want := append(components, "worker", "bench")
			require.ElementsMatch(t, want, slices.Collect(maps.Keys(point.CPU)))
			require.Equal(t, i == 0, point.Rows != nil && point.Bytes != nil)
		}
		var names []string
		for _, design := range server.Designs {
			names = append(names, design.Design)
		}
		require.Equal(t, []string{"timer", "callback", "activityRetry", "solve"}, names, server.Server)
	}
	for _, cost := range figures.Costs() {
		require.Positive(t, cost.PerTask["server"], cost.Design)
		require.Positive(t, cost.PerTask["worker"], cost.Design)
		require.InDelta(t, 0, cost.Check.Errors["server"], 15, cost.Design)
	}
}

func TestFiguresThatTellNoCost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*size.Figures)
		message string
	}{
		"no server":   {func(f *size.Figures) { f.Servers = nil }, "the figures have no server"},
		"no idle":     {func(f *size.Figures) { f.Servers[0].Idle = stage.Point{} }, "no idle time"},
		"no design":   {func(f *size.Figures) { f.Servers[0].Designs = nil }, "or no design"},
		"two loads":   {func(f *size.Figures) { f.Servers[0].Designs[0].Points[0] = linear(1, 40) }, "are not of three loads"},
		"no time":     {func(f *size.Figures) { f.Servers[0].Designs[0].Points[0].Seconds = 0 }, "are incomplete"},
		"no tasks":    {func(f *size.Figures) { f.Servers[0].Designs[0].Points[0].Tasks = 0 }, "are incomplete"},
		"a component": {func(f *size.Figures) { delete(f.Servers[0].Designs[0].Points[0].CPU, "history") }, "are incomplete"},
		"no rows":     {func(f *size.Figures) { f.Servers[0].Designs[0].Points[0].Rows = nil }, "are incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			figures := linearFigures()
			test.change(&figures)
			text, err := json.Marshal(figures)
			require.NoError(t, err)
			_, err = size.Parse(text)
			require.ErrorContains(t, err, test.message)
		})
	}
	for _, text := range []string{"", "{}", "[]", `{"designs":[],"workload":{}}`, `{"servers":null} {}`} {
		_, err := size.Parse([]byte(text))
		require.Error(t, err, text)
	}
}
