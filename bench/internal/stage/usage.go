package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a stage has taken of the machine so far. It is read from /proc, which Linux alone
// has. If a process can't be read because it has ended, the stage's context tells why.
type usage struct {
	at                     time.Time
	known                  bool                     // false: only at is set
	server, workers, bench time.Duration            // CPU time; bench is this process: clients, and the services
	components             map[string]time.Duration // of the server
	memory, peak           int64                    // bytes that the largest worker has, and that one had at most
}

func (s *stage) usage() usage {
	own, err := os.ReadFile("/proc/self/stat")
	total := usage{at: time.Now(), known: err == nil, components: map[string]time.Duration{}}
	_, _, total.bench, _ = parseStat(string(own))
	if s.Server != nil && total.known {
		for component, groups := range s.Server.processes {
			for _, group := range groups {
				total.components[component] += cpuOfGroup(group)
			}
			total.server += total.components[component]
		}
	}
	for _, worker := range s.workers {
		total.workers += cpuOfGroup(worker.ID())
		total.memory = max(total.memory, memory(worker.ID(), "VmRSS"))
		total.peak = max(total.peak, memory(worker.ID(), "VmHWM"))
	}
	return total
}

// cpuOfGroup is the CPU time of a process group and of its descendants. Each program that a stage
// starts has a group of its own, and each process of PostgreSQL makes itself one.
func cpuOfGroup(id int) (total time.Duration) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents, in, times := map[int]int{}, map[int]bool{}, map[int]time.Duration{}
	for _, path := range paths {
		process, _ := strconv.Atoi(strings.Split(path, "/")[2])
		text, _ := os.ReadFile(path) // empty if it has ended meanwhile
		if parent, group, cpu, err := parseStat(string(text)); err == nil {
			parents[process], in[process], times[process] = parent, group == id, cpu
		}
	}
	for process, cpu := range times {
		ancestor := process
		for ancestor != 0 && !in[ancestor] {
			ancestor = parents[ancestor]
		}
		if ancestor != 0 {
			total += cpu
		}
	}
	return total
}

// parseStat reads what proc_pid_stat(5) describes: after the name in parentheses, which may hold
// anything, come fields that are counted from the third. The CPU time includes that of children
// that have ended and were waited for.
func parseStat(text string) (parent, group int, cpu time.Duration, err error) {
	const clockTick = time.Second / 100 // USER_HZ, which is 100 wherever Go runs on Linux
	const third, parentField, groupField, userTime, childrensSystemTime = 3, 4, 5, 14, 17
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= childrensSystemTime-third {
		return 0, 0, 0, fmt.Errorf("too few fields in %q", text)
	}
	var user, system, childrensUser, childrensSystem time.Duration
	ids := strings.Join(fields[parentField-third:groupField-third+1], " ")
	times := strings.Join(fields[userTime-third:childrensSystemTime-third+1], " ")
	_, err = fmt.Sscan(ids+" "+times, &parent, &group, &user, &system, &childrensUser, &childrensSystem)
	return parent, group, (user + system + childrensUser + childrensSystem) * clockTick, err
}

// busiest is the share of the machine's CPUs, in percent, that was busy in the busiest interval
// until ctx ended.
func busiest(ctx context.Context, interval time.Duration) (percent float64) {
	busy, all := machineTime()
	for sleepUntil(ctx, time.Now().Add(interval)) == nil {
		busyThen, allThen := busy, all
		busy, all = machineTime()
		percent = max(percent, 100*(busy-busyThen)/(all-allThen))
	}
	return round(percent, 1)
}

// machineTime is the CPU time of the whole machine, as proc_stat(5) has it.
func machineTime() (busy, all float64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	const idle, waiting, guest = 4, 5, 9 // fields; guest's time is in user's too
	for i, field := range strings.Fields(line) {
		ticks, _ := strconv.ParseFloat(field, 64)
		if i < guest {
			all += ticks
		}
		if i < guest && i != idle && i != waiting {
			busy += ticks
		}
	}
	return busy, all
}

// memory reads a line of /proc/<id>/status that is in kB; 0 if it can't be read.
func memory(processID int, name string) (kibibytes int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", processID))
	_, value, _ := strings.Cut(string(text), "\n"+name+":")
	_, _ = fmt.Sscan(value, &kibibytes)
	return kibibytes << 10
}
