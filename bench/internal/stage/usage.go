package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// usage is what a stage has taken of the machine so far. It is read from /proc, which Linux alone
// has. If a process can't be read because it has ended, the stage's context tells why.
type usage struct {
	at                     time.Time
	known                  bool          // false: only at is set
	server, workers, bench time.Duration // CPU time; bench is this process: clients, and the services
	memory, peak           int64         // bytes that the largest worker has, and that one had at most
}

func (s *stage) usage() usage {
	own, err := os.ReadFile("/proc/self/stat")
	total := usage{at: time.Now(), known: err == nil}
	_, total.bench, _ = parseStat(string(own))
	if s.server != nil {
		total.server = cpuOfGroup(s.server.ProcessID())
	}
	for _, worker := range s.workers {
		total.workers += cpuOfGroup(worker.ID())
		total.memory = max(total.memory, memory(worker.ID(), "VmRSS"))
		total.peak = max(total.peak, memory(worker.ID(), "VmHWM"))
	}
	return total
}

// cpuOfGroup is the CPU time of a process group. Each program that a stage starts has its own.
func cpuOfGroup(id int) (total time.Duration) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		text, _ := os.ReadFile(path) // empty if it has ended meanwhile
		if group, cpu, err := parseStat(string(text)); err == nil && group == id {
			total += cpu
		}
	}
	return total
}

// parseStat reads what proc_pid_stat(5) describes: after the name in parentheses, which may hold
// anything, come fields that are counted from the third. The CPU time includes that of children
// that have ended and were waited for.
func parseStat(text string) (group int, cpu time.Duration, err error) {
	const clockTick = time.Second / 100 // USER_HZ, which is 100 wherever Go runs on Linux
	const third, groupField, userTime, childrensSystemTime = 3, 5, 14, 17
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= childrensSystemTime-third {
		return 0, 0, fmt.Errorf("too few fields in %q", text)
	}
	var user, system, childrensUser, childrensSystem time.Duration
	times := strings.Join(fields[userTime-third:childrensSystemTime-third+1], " ")
	_, err = fmt.Sscan(fields[groupField-third]+" "+times, &group, &user, &system, &childrensUser, &childrensSystem)
	return group, (user + system + childrensUser + childrensSystem) * clockTick, err
}

// memory reads a line of /proc/<id>/status that is in kB; 0 if it can't be read.
func memory(processID int, name string) (kibibytes int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", processID))
	_, value, _ := strings.Cut(string(text), "\n"+name+":")
	_, _ = fmt.Sscan(value, &kibibytes)
	return kibibytes << 10
}
