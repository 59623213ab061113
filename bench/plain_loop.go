package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// plainLoopInterval is the service's official clients' own, before the first poll too, see PollingInterval and WaitForResult in
// https://github.com/2captcha/2captcha-go.
const plainLoopInterval = 10 * time.Second

// plainLoopDesign is what the service's official clients do: a loop in memory.
func plainLoopDesign() design {
	return design{
		name: "plain-loop",
		note: "the official clients' way, without Temporal: a loop in memory, every 10 s; a crash or a deployment loses all waits " +
			"of the process, which this run has none of",
		slowestInterval: plainLoopInterval,
	}
}

// plainLoop polls until the task is ready or the service says that it won't be. Nothing of it outlives the process.
func plainLoop(ctx context.Context, service *twocaptcha.Client, taskID int64) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(plainLoopInterval):
		}
		answer, err := service.GetTaskResult(ctx, taskID)
		if refusal := new(twocaptcha.ServiceError); errors.As(err, &refusal) {
			return nil, refusal
		}
		if err == nil && answer.Status == twocaptcha.StatusReady {
			return answer.Solution, nil
		}
	}
}
