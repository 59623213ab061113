package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ, which is 100 a second on every architecture that Go runs on.
const clockTick = time.Second / 100

// readUsage reads what the process of that id and its descendants use. CPU times have a resolution of 10 ms, and include
// those of descendants that have ended and were waited for.
func readUsage(processID int) (usage, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return usage{}, err
	}
	children := map[int][]processStat{}
	var total usage
	found := false
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		stat, err := parseStat(string(text))
		if err != nil {
			return usage{}, fmt.Errorf("%s: %w", path, err)
		}
		children[stat.parent] = append(children[stat.parent], stat)
		if stat.id == processID {
			total.cpu, found = stat.cpu, true
		}
	}
	if !found {
		return usage{}, fmt.Errorf("process %d has ended", processID)
	}
	total.addMemory(processID)
	for pending := children[processID]; len(pending) > 0; pending = pending[1:] {
		total.cpu += pending[0].cpu
		total.addMemory(pending[0].id)
		pending = append(pending, children[pending[0].id]...)
	}
	return total, nil
}

// readOwnCPU reads this process's CPU time since its start, without that of any other process.
func readOwnCPU() (time.Duration, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), err
}

type processStat struct {
	id, parent int
	cpu        time.Duration
}

// parseStat reads a /proc/<id>/stat, as proc_pid_stat(5) describes it: the id, the name in parentheses, which may hold
// anything, and from there on fields that are counted from the third.
func parseStat(text string) (processStat, error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return processStat{}, fmt.Errorf("no process name in %q", text)
	}
	fields := strings.Fields(text[end+1:])
	const third, parent, userTime, childrensSystemTime = 3, 4, 14, 17
	if len(fields) <= childrensSystemTime-third {
		return processStat{}, fmt.Errorf("too few fields in %q", text)
	}
	id, err := strconv.Atoi(strings.TrimSpace(text[:open]))
	if err != nil {
		return processStat{}, err
	}
	stat := processStat{id: id}
	if stat.parent, err = strconv.Atoi(fields[parent-third]); err != nil {
		return processStat{}, err
	}
	for _, field := range fields[userTime-third : childrensSystemTime-third+1] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return processStat{}, err
		}
		stat.cpu += time.Duration(ticks) * clockTick
	}
	return stat, nil
}

// addMemory adds what /proc/<id>/status says; nothing where the process has ended meanwhile.
func (u *usage) addMemory(processID int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", processID))
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kibibytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			u.resident += kibibytes << 10
		case "VmHWM":
			u.peak += kibibytes << 10
		}
	}
}
