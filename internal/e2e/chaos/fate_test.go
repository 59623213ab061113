package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

// fate is what the service answers for a task, apart from faults, and the one outcome that is right
// for it.
type fate struct {
	name      string
	script    []simulator.Answer
	solution  string // of the result; "" if the outcome is an error
	errorType string
	outcome   string // the name of the simulator's answer that decides the outcome; "" if none does
}

// isOutcome tells whether a request was answered with what decides the outcome.
func (f fate) isOutcome(request simulator.Request) bool {
	return f.outcome != "" && !request.Faulted && request.Answer == f.outcome
}

// The names of the fates.
const (
	readyAtOnce        = "ready at once"
	readyLater         = "ready later"
	noSlotThenReady    = "no slot, then ready"
	toldToWait         = "told to wait, then ready"
	blockedThenReady   = "address blocked, then ready"
	unsolvable         = "unsolvable"
	badDuplicates      = "bad duplicates"
	unknownCode        = "unknown code"
	verdictOnBadStatus = "verdict on another HTTP status"
	neverWas           = "never was"
	expiredLater       = "expired later"
	errorWithoutCode   = "errorId without errorCode"
	tooLarge           = "answer too large"
	neverReady         = "never ready"
	answeredNoMore     = "answered no more"
)

// deck is how many of 40 tasks have which fate.
var deck = []struct {
	fate  string
	tasks int
}{
	{readyAtOnce, 9}, {readyLater, 12}, {noSlotThenReady, 2}, {toldToWait, 1},
	{unsolvable, 3}, {badDuplicates, 2}, {unknownCode, 2}, {verdictOnBadStatus, 2},
	{neverWas, 1}, {expiredLater, 2}, {errorWithoutCode, 1}, {tooLarge, 1}, {neverReady, 2},
}

// takesTime tells whether a fate is decided only some time after the submission, or never.
func takesTime(name string) bool {
	switch name {
	case readyLater, unsolvable, badDuplicates, unknownCode, verdictOnBadStatus, expiredLater, neverReady:
		return true
	}
	return false
}

// newFate is a fate of that name. If it takes time, it is decided within that span after the task's
// submission.
func newFate(random *rand.Rand, name string, taskID int64, decided span) fate {
	after := decided.random(random)
	ready := func(answers ...simulator.Answer) fate {
		solution := newSolution(random, taskID)
		return fate{name: name, solution: solution, outcome: "ready",
			script: append(answers, simulator.ReadyAfter(after, solution))}
	}
	verdict := func(code string, answer simulator.Answer) fate {
		return fate{name: name, errorType: code, outcome: answer.String(), script: []simulator.Answer{answer}}
	}
	switch name {
	case readyLater:
		return ready()
	case readyAtOnce:
		after = 0
		return ready()
	case noSlotThenReady:
		after = 0
		return ready(simulator.Error(harness.NoSlotAvailable))
	case toldToWait:
		after = 0
		return ready(simulator.RetryAfter(429, "7"))
	case blockedThenReady:
		after = 0
		return ready(simulator.Error(harness.IPBlocked))
	case unsolvable:
		return verdict("ERROR_CAPTCHA_UNSOLVABLE", simulator.ErrorAfter(after, "ERROR_CAPTCHA_UNSOLVABLE"))
	case badDuplicates:
		return verdict("ERROR_BAD_DUPLICATES", simulator.ErrorAfter(after, "ERROR_BAD_DUPLICATES"))
	case unknownCode:
		code := fmt.Sprintf("ERROR_OF_TASK_%d", taskID)
		return verdict(code, simulator.ErrorAfter(after, code))
	case verdictOnBadStatus:
		status := []int{400, 401, 402, 500, 503}[random.IntN(5)]
		return verdict("ERROR_BAD_PROXY", simulator.ErrorAfter(after, "ERROR_BAD_PROXY").WithHTTPStatus(status))
	case neverWas:
		return verdict(harness.NoSuchTask, simulator.Expired())
	case expiredLater:
		return verdict(harness.NoSuchTask, simulator.ErrorAfter(after, harness.NoSuchTask))
	case errorWithoutCode:
		return verdict(activities.ErrorTypeUnexpectedResponse,
			simulator.Body(`{"errorId":7,"errorDescription":"without a code"}`))
	case tooLarge:
		return verdict(activities.ErrorTypeUnexpectedResponse, simulator.Oversized(300<<10))
	case neverReady:
		return fate{name: name, errorType: workflows.ErrorTypeTaskTimeout,
			script: []simulator.Answer{simulator.Processing()}}
	case answeredNoMore:
		return fate{name: name, errorType: workflows.ErrorTypeNoAnswer,
			script: []simulator.Answer{simulator.Processing(), simulator.Status(502, "")}}
	}
	panic("no such fate: " + name)
}

// newSolution is one of the shapes that solutions have, distinct for each task. encoding/json
// writes each of them as it is, so that it must arrive byte for byte.
func newSolution(random *rand.Rand, taskID int64) string {
	token := fmt.Sprintf("%d-%016x", taskID, random.Uint64())
	return fmt.Sprintf([]string{
		`{"text":"%s"}`,
		`"%s"`,
		`{"token":"%s","a.b":"\/","UPPER":"é \u00e9","nested":"{\"lot\":1}"}`,
		`{"answers":[null,1.10,12345678901234567890],"key":"%s"}`,
		`["%s",{"z":1,"a":2}]`,
	}[random.IntN(5)], token)
}

// whileDown are the answers of a service that is down. If it hangs, some requests wait until the
// client gives up.
func whileDown(hangs bool) []simulator.Answer {
	answers := []simulator.Answer{
		simulator.Status(500, ""),
		simulator.Status(502, ""),
		simulator.Status(504, "<html>"),
		simulator.RetryAfter(503, "7"),
		simulator.HTMLPage(),
		simulator.DroppedConnection(),
		simulator.ResetConnection(),
		simulator.Stalled(4 * time.Second),
	}
	if hangs {
		answers = append(answers, simulator.Stalled(0))
	}
	return answers
}

// serviceFaults are the ways in which the service fails for a while. Redirects lead to elsewhere: a
// request that arrives there was carried along.
func serviceFaults(elsewhere string) []simulator.Answer {
	late := `{"errorId":0,"status":"ready","solution":{"text":"never complete in time"}}`
	return []simulator.Answer{
		simulator.Status(500, "500 Internal Server Error"),
		simulator.Status(502, ""),
		simulator.Status(504, "<html>"),
		simulator.Status(404, "Not Found"),
		simulator.RetryAfter(429, "7"),
		simulator.RetryAfter(429, "1"), // below the service's own rule
		simulator.RetryAfter(503, "Wed, 21 Oct 2015 07:28:00 GMT"),
		simulator.HTMLPage(),
		simulator.TruncatedJSON(),
		simulator.TruncatedBody(),
		simulator.Redirect(elsewhere),
		simulator.Redirect(elsewhere).WithHTTPStatus(302),
		simulator.DroppedConnection(),
		simulator.ResetConnection(),
		simulator.Stalled(0),
		simulator.Stalled(4 * time.Second),
		simulator.SlowBody(30*time.Second, late),
		simulator.SlowBody(2*time.Second, `{"errorId":0,"status":"processing"}`),
		simulator.Processing().WithDelay(6 * time.Second),
		simulator.Oversized(300 << 10).WithHTTPStatus(500),
		simulator.Error(harness.NoSlotAvailable),
		simulator.Body(""),
		simulator.Body("{}"),
		simulator.Body("null"),
		simulator.Body("[]"),
		simulator.Body(`{"errorId":0,"status":"ready"}`),
		simulator.Body(`{"errorId":0,"status":"ready","solution":null}`),
		simulator.Body("{\"errorId\":0,\"status\":\"\xff\x00\"}"),
	}
}
