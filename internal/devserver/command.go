package devserver

import (
	"io"
	"os"
	"time"
)

// command is what a process runs.
type command struct {
	path        string
	args        []string
	folder      string // it runs in; "": this process's
	environment []string
	output      io.Writer  // takes standard output and standard error
	inherits    []*os.File // stay open in the process
}

// outputPatience is how long what a command started may hold its output open after the command has ended.
const outputPatience = time.Second
