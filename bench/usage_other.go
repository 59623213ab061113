//go:build !linux

package main

import "time"

func readUsage(int) (usage, error) { return usage{}, errUsageUnavailable }

func readOwnCPU() (time.Duration, error) { return 0, errUsageUnavailable }
