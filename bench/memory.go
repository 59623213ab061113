package main

import (
	"errors"
	"slices"
)

// workerMemory is the memory that the largest of the worker processes has, in MiB; nil where that can't be told.
func (s *stage) workerMemory() (*float64, error) {
	return s.largest(func(used usage) int64 { return used.resident })
}

// workerPeakMemory is the most that one of them ever had.
func (s *stage) workerPeakMemory() (*float64, error) {
	return s.largest(func(used usage) int64 { return used.peak })
}

func (s *stage) largest(memory func(usage) int64) (*float64, error) {
	var sizes []int64
	for _, worker := range s.workers {
		used, err := readUsage(worker.processID())
		if errors.Is(err, errUsageUnavailable) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, memory(used))
	}
	return pointer(round(float64(slices.Max(sizes))/(1<<20), 1)), nil
}
