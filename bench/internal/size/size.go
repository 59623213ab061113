// Package size tells from measured figures what a task costs, and what many of them take.
package size

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
)

// kept is what bench --costs --cluster --json has printed.
//
//go:embed figures.json
var kept []byte

// Figures are measured ones.
type Figures struct {
	Servers []stage.ServerCosts `json:"servers"`
	Machine
}

// Machine is what they were measured on, when, and with which tasks.
type Machine struct {
	MeanSolveTime float64 `json:"meanSolveSeconds"`
	Date          string  `json:"date"`
	CPUs          int     `json:"cpus"`
	System        string  `json:"system"`
}

// Kept are the figures that the repository keeps.
func Kept() (Figures, error) { return Parse(kept) }

// Parse decodes figures. It refuses those that no cost can be told from.
func Parse(text []byte) (figures Figures, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&figures)
	if err == nil && decoder.More() {
		err = errors.New("more follows them")
	}
	if err != nil {
		return figures, fmt.Errorf("these are not the figures of bench --costs --json: %w", err)
	}
	return figures, figures.check()
}

func (f Figures) check() error {
	if len(f.Servers) == 0 {
		return errors.New("the figures have no server")
	}
	for _, server := range f.Servers {
		if !(server.Idle.Seconds > 0) || len(server.Designs) == 0 {
			return fmt.Errorf("the figures of the %s have no idle time or no design: measure them again", server.Server)
		}
		for _, design := range server.Designs {
			loads := map[float64]bool{}
			for _, point := range design.Points {
				if !slices.Equal(names(point), names(server.Idle)) || point.Tasks < 1 || !(point.Seconds > 0) {
					return fmt.Errorf("the figures of %s on the %s are incomplete: measure them again", design.Design, server.Server)
				}
				loads[load(point)] = true
			}
			if len(loads) < 3 {
				return fmt.Errorf("the figures of %s on the %s are not of three loads: measure them again", design.Design, server.Server)
			}
		}
	}
	return nil
}

// Values are values by component of a server, and by these names.
type Values map[string]float64

const (
	Server = "server" // the sum of its components
	Worker = "worker" // this project's
	Rows   = "rows"   // that PostgreSQL writes
	Bytes  = "bytes"  // of its write-ahead log
)

// Columns are the names of CPU times in the order of a table.
func Columns() []string { return append(stage.Components(), Server, Worker) }

// Of is the value of that name; nil: it is not known.
func (v Values) Of(name string) *float64 {
	if value, known := v[name]; known {
		return &value
	}
	return nil
}

// Cost is what a design's tasks cost on a server: Idle + PerTask · tasks a second. CPU time is in
// milliseconds.
type Cost struct {
	Server          string  `json:"server"`
	Design          string  `json:"design"`
	RequestsPerTask float64 `json:"requestsPerTask"`
	PerTask         Values  `json:"perTask"`
	Idle            Values  `json:"idlePerSecond"`
	Check           Check   `json:"check"`
}

// Check compares a cost with a point from which it was not made.
type Check struct {
	Load   float64 `json:"tasksPerSecond"`
	Errors Values  `json:"errorPercent"` // of what the cost says, by what was measured
}

// Costs are those of every design on every server. Each is a line through the idle server and all
// loads but the middle one, by least squares. That load is the check.
func (f Figures) Costs() (costs []Cost) {
	for _, server := range f.Servers {
		for _, design := range server.Designs {
			costs = append(costs, newCost(server, design))
		}
	}
	return costs
}

func newCost(server stage.ServerCosts, design stage.DesignCosts) Cost {
	points := slices.SortedFunc(slices.Values(design.Points), func(a, b stage.Point) int { return cmp.Compare(load(a), load(b)) })
	middle := len(points) / 2
	left := points[middle]
	points = append([]stage.Point{server.Idle}, slices.Delete(points, middle, middle+1)...)
	cost := Cost{
		Server: server.Server, Design: design.Design, PerTask: Values{}, Idle: Values{},
		Check: Check{round(load(left), 2), Values{}}, RequestsPerTask: left.RequestsPerTask,
	}
	var loads []float64
	for _, point := range points {
		loads = append(loads, load(point))
	}
	fitted := Values{}
	for name := range perSecond(left) {
		var values []float64
		for _, point := range points {
			values = append(values, perSecond(point)[name])
		}
		slope, idle, _ := stage.LeastSquares(loads, values)
		if slope < 0 { // a task costs this component nothing
			slope, idle = 0, values[0]
		}
		cost.PerTask[name], cost.Idle[name] = round(slope, 2), round(idle, 2)
		fitted[name] = idle + slope*load(left)
	}
	cost.PerTask.addServer()
	cost.Idle.addServer()
	fitted.addServer()
	measured := perSecond(left)
	measured.addServer()
	for name, value := range measured {
		if value > 0 {
			cost.Check.Errors[name] = round(100*(fitted[name]/value-1), 1)
		}
	}
	return cost
}

// Idle is what a server and a worker take a second when they have nothing to do.
type Idle struct {
	Server    string
	PerSecond Values
}

// Idle is that of each server.
func (f Figures) Idle() (idle []Idle) {
	for _, server := range f.Servers {
		values := perSecond(server.Idle)
		values.addServer()
		idle = append(idle, Idle{server.Server, values})
	}
	return idle
}

// load is how many tasks a second there were in all of a point's time, its end included.
func load(point stage.Point) float64 { return float64(point.Tasks) / point.Seconds }

// perSecond is what a point took a second, without the sum of the server.
func perSecond(point stage.Point) Values {
	values := Values{}
	for component, cpu := range point.CPU {
		values[component] = 1000 * cpu / point.Seconds
	}
	delete(values, "bench")
	if point.Rows != nil && point.Bytes != nil {
		values[Rows], values[Bytes] = *point.Rows/point.Seconds, *point.Bytes/point.Seconds
	}
	return values
}

// addServer adds the sum of the server's components.
func (v Values) addServer() {
	sum := 0.0
	for name, value := range v {
		if name != Worker && name != Rows && name != Bytes {
			sum += value
		}
	}
	v[Server] = round(sum, 2)
}

// names are those of all that is known of a point, in their order.
func names(point stage.Point) []string { return slices.Sorted(maps.Keys(perSecond(point))) }

// round keeps a number of decimals.
func round(value float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(value*scale) / scale
}
