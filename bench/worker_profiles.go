package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// profiles are those of a worker process, in a folder.
type profiles struct {
	folder string
	name   string   // of those that are being made
	cpu    *os.File // while it is being written
}

func (p *profiles) begin(name string) error {
	p.name = name
	file, err := os.Create(p.path("cpu.pprof"))
	if err != nil {
		return err
	}
	p.cpu = file
	return pprof.StartCPUProfile(file)
}

// end completes the CPU profile that was begun, and adds one of the heap and, since that has no stacks, what the Go runtime
// counts of all its memory.
func (p *profiles) end() error {
	if p.cpu == nil {
		return nil
	}
	pprof.StopCPUProfile()
	err := p.cpu.Close()
	p.cpu = nil
	runtime.GC() // the profile is that of the last collection
	return errors.Join(err, p.write("heap.pprof", writeHeap), p.write("memory.json", writeMemory))
}

func writeHeap(file *os.File) error { return pprof.WriteHeapProfile(file) }

func writeMemory(file *os.File) error {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return json.NewEncoder(file).Encode(map[string]uint64{
		"heapInUse":  memory.HeapInuse,
		"heapIdle":   memory.HeapIdle - memory.HeapReleased,
		"stackInUse": memory.StackInuse,
		"other":      memory.MSpanSys + memory.MCacheSys + memory.GCSys + memory.OtherSys + memory.BuckHashSys,
		"goroutines": uint64(runtime.NumGoroutine()),
	})
}

func (p *profiles) write(name string, content func(*os.File) error) error {
	file, err := os.Create(p.path(name))
	if err != nil {
		return err
	}
	return errors.Join(content(file), file.Close())
}

func (p *profiles) path(name string) string {
	return filepath.Join(p.folder, fmt.Sprintf("worker-%d.%s.%s", os.Getpid(), p.name, name))
}
