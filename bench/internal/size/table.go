package size

// Sizing is what a server and workers need for many tasks a second.
type Sizing struct {
	Designs  []DesignSize `json:"designs"`
	Costs    []Cost       `json:"costs"` // of all servers
	Server   string       `json:"server"`
	Version  string       `json:"version"`
	Database string       `json:"database"`
	Machine
	Figures Figures `json:"-"` // of which it is made
}

// DesignSize is what a design needs, and how far its cost was off where that was checked.
type DesignSize struct {
	Design          string  `json:"design"`
	RequestsPerTask float64 `json:"requestsPerTask"`
	Sizes           []Size  `json:"sizes"`
	Check           Check   `json:"check"`
}

// Size is what tasks take at one load.
type Size struct {
	TasksPerSecond float64  `json:"tasksPerSecond"`
	Cores          Values   `json:"cores"`
	Rows           *float64 `json:"rowsPerSecond"`  // nil: not PostgreSQL
	Bytes          *float64 `json:"bytesPerSecond"` // of PostgreSQL's write-ahead log
}

// Size returns what the first server of the figures needs for these loads.
func (f Figures) Size(loads ...float64) Sizing {
	server := f.Servers[0]
	sizing := Sizing{
		Costs: f.Costs(), Server: server.Server, Version: server.Version, Database: server.Database, Machine: f.Machine, Figures: f,
	}
	for _, cost := range sizing.Costs[:len(server.Designs)] {
		design := DesignSize{Design: cost.Design, RequestsPerTask: cost.RequestsPerTask, Check: cost.Check}
		for _, load := range loads {
			design.Sizes = append(design.Sizes, cost.size(load))
		}
		sizing.Designs = append(sizing.Designs, design)
	}
	return sizing
}

func (c Cost) size(load float64) Size {
	size := Size{TasksPerSecond: load, Cores: Values{}}
	for name, perTask := range c.PerTask {
		switch needed := c.Idle[name] + perTask*load; name {
		case Rows:
			size.Rows = new(round(needed, 0))
		case Bytes:
			size.Bytes = new(round(needed, 0))
		default:
			size.Cores[name] = round(needed/1000, 3)
		}
	}
	return size
}
