package workflows_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const outcomeUnknownCode = "CreateTaskOutcomeUnknown"

// problem returns what is wrong with what happened; "" if nothing is.
func (r *solveRun) problem() string {
	if len(r.record.problems) > 0 {
		return r.record.problems[0]
	}
	if problem := r.record.spacing(); problem != "" {
		return problem
	}
	for _, property := range []func(*solveRun, workflows.ErrorDetails) string{
		oneOutcomeOfSolve, submittedOnlyIfAllowed, boughtAtMost, idsAreKept, moneyIsTold, callsAreTaken, solveEndsAsCanceled,
		nothingSecretIsShown,
	} {
		details, _ := workflows.Details(r.err)
		if r.err == nil {
			details.TaskID, details.TaskIDs, details.Attempts = r.out.TaskID, r.out.TaskIDs, r.out.Attempts
		}
		if problem := property(r, details); problem != "" {
			return problem
		}
	}
	return ""
}

func oneOutcomeOfSolve(r *solveRun, details workflows.ErrorDetails) string {
	var failure *temporal.ApplicationError
	switch failed := r.err.(type) {
	case nil:
		if string(r.out.Solution) != randomSolution {
			return fmt.Sprintf("another result: %+v", r.out)
		}
	case *temporal.ApplicationError:
		failure = failed
	case *temporal.CanceledError:
		if r.record.canceled == 0 {
			return "canceled by nobody"
		}
	default:
		return fmt.Sprintf("another kind of error: %T: %v", r.err, r.err)
	}
	switch {
	case r.outcomes != 1:
		return fmt.Sprintf("%d outcomes", r.outcomes)
	case failure != nil && !failure.NonRetryable():
		return fmt.Sprintf("a retryable error: %v", failure)
	case details.Attempts < 1 || details.Attempts > max(r.in.Attempts, 1):
		return fmt.Sprintf("%d attempts of %d are told", details.Attempts, r.in.Attempts)
	case r.last.Attempts != details.Attempts || r.last.TaskID != details.TaskID:
		return fmt.Sprintf("the status is %+v, and the end says %+v", r.last, details)
	}
	return ""
}

// meaning is what the server and the workflow know of a submission.
func (r *solveRun) meaning(submitted *activityRecord) (purchaseMeaning, submissionFate) {
	if len(submitted.attempts) == 0 { // no worker came
		return meansRepeat, submissionFate{}
	}
	attempt := submitted.attempts[0]
	if attempt.err != nil && strings.Contains(attempt.err.Error(), "not sent: the service has answered this process with") {
		return meansRepeat, submissionFate{}
	}
	fate := submissionFateOf(attempt.fate.Kind)
	return fate.means, fate
}

// submittedOnlyIfAllowed: after a submission, another one follows only if nothing was bought, or
// once an attempt if the input allows it, or if the service could not solve the task.
func submittedOnlyIfAllowed(r *solveRun, _ workflows.ErrorDetails) string {
	resubmitted := false
	for index, submitted := range r.submissions() {
		if submitted.scheduled > r.record.ended {
			return fmt.Sprintf("a submission at %s, after the end", submitted.scheduled)
		}
		if r.record.canceled > 0 && submitted.scheduled > r.record.canceled {
			return fmt.Sprintf("a submission at %s, after the cancellation", submitted.scheduled)
		}
		if index == 0 {
			continue
		}
		before := r.submissions()[index-1]
		means, fate := r.meaning(before)
		solvedNot := r.couldNotSolve(before, submitted.scheduled)
		switch {
		case means == meansVerdict:
			return fmt.Sprintf("the submission at %s comes after the verdict %s", submitted.scheduled, fate.kind)
		case solvedNot:
			resubmitted = false
		case means == meansBought:
			return fmt.Sprintf("the submission at %s comes after a purchase: %s", submitted.scheduled, fate.kind)
		case means == meansUnknown && (!r.in.ResubmitUnknown || resubmitted):
			return fmt.Sprintf("the submission at %s comes after an unknown outcome: %s", submitted.scheduled, fate.kind)
		case means == meansUnknown:
			resubmitted = true
		case submitted.scheduled-before.seen < leastBetweenRequests:
			return fmt.Sprintf("the submission at %s is less than 5 s after the one that ended at %s", submitted.scheduled, before.seen)
		}
	}
	return ""
}

// couldNotSolve tells whether the service has said of a task that this submission or one before it
// bought that it can't be solved, after the submission and until then.
func (r *solveRun) couldNotSolve(submitted *activityRecord, until time.Duration) bool {
	for _, purchase := range r.purchases {
		code := purchase.task.Code
		if purchase.at > until || code != "ERROR_CAPTCHA_UNSOLVABLE" && code != "ERROR_BAD_DUPLICATES" {
			continue
		}
		if attempt, kind := purchase.task.end(); kind == answerVerdict && attempt.ended >= submitted.scheduled && attempt.ended <= until {
			return true
		}
	}
	return false
}

// boughtAtMost: an attempt buys once, or twice if the input allows it.
func boughtAtMost(r *solveRun, details workflows.ErrorDetails) string {
	most := 1
	if r.in.ResubmitUnknown {
		most = 2
	}
	if len(r.purchases) > most*details.Attempts {
		return fmt.Sprintf("%d purchases in %d attempts", len(r.purchases), details.Attempts)
	}
	return ""
}

func idsOf(details workflows.ErrorDetails) []int64 {
	ids := slices.Clone(details.TaskIDs)
	if details.TaskID != 0 && !slices.Contains(ids, details.TaskID) {
		ids = append(ids, details.TaskID)
	}
	return ids
}

// idsAreKept: every purchase whose answer came is in the outcome, and no task of others is told to
// be bought.
func idsAreKept(r *solveRun, details workflows.ErrorDetails) string {
	ids := idsOf(details)
	for _, purchase := range r.purchases {
		means, _ := r.meaning(purchase.attempt.poll)
		if purchase.id != 0 && means == meansBought && !slices.Contains(ids, purchase.id) {
			return fmt.Sprintf("task %d is not in the outcome: %+v", purchase.id, details)
		}
	}
	for _, id := range details.TaskIDs {
		if !slices.ContainsFunc(r.purchases, func(p *purchaseRecord) bool { return p.id == id }) {
			return fmt.Sprintf("task %d is told to be bought, and it was not", id)
		}
	}
	return ""
}

// moneyIsTold: what the end says of money is true.
func moneyIsTold(r *solveRun, details workflows.ErrorDetails) string {
	if r.err == nil {
		return ""
	}
	code := workflows.ErrorCode(r.err)
	unknown := code == outcomeUnknownCode || code == workflows.Canceled && details.LastError == outcomeUnknownCode
	mayHave := r.mayHaveBoughtUnknown(details)
	switch {
	case unknown && mayHave == "":
		return fmt.Sprintf("%s: a task may have been bought, and none can have been", code)
	case !unknown && len(idsOf(details)) == 0 && len(r.purchases) > 0:
		return fmt.Sprintf("%s says that nothing was bought, and it was: %v", code, r.err)
	case !unknown && len(idsOf(details)) == 0 && mayHave != "":
		return fmt.Sprintf("%s says that nothing was bought, and nobody knows that after %s: %v", code, mayHave, r.err)
	case !unknown && !r.in.ResubmitUnknown:
		for _, purchase := range r.purchases {
			if !slices.Contains(idsOf(details), purchase.id) {
				return fmt.Sprintf("%s is told without task %d, which was bought: %v", code, purchase.id, r.err)
			}
		}
	}
	return ""
}

// mayHaveBoughtUnknown is a submission that may have bought a task whose id is not confirmed.
func (r *solveRun) mayHaveBoughtUnknown(details workflows.ErrorDetails) fateKind {
	for _, submitted := range r.submissions() {
		means, fate := r.meaning(submitted)
		bought := r.purchaseOf(submitted)
		if means == meansUnknown && (bought == nil || !slices.Contains(details.TaskIDs, bought.id)) ||
			fate.kind == fateSolvedAtOnce {
			return fate.kind
		}
	}
	return ""
}

// callsAreTaken: if a call has named the task in time, its id is known in the end. What a worker
// has to say is waited for as long as a minute, also after a cancellation.
func callsAreTaken(r *solveRun, details workflows.ErrorDetails) string {
	canceled := workflows.ErrorCode(r.err) == workflows.Canceled
	if details.TaskID != 0 || len(r.submissions()) == 0 || !canceled && workflows.ErrorCode(r.err) != outcomeUnknownCode {
		return ""
	}
	last := r.submissions()[len(r.submissions())-1]
	for _, call := range r.calls {
		if call.names == nil || call.names.attempt.poll.options.Summary != last.options.Summary { // of an attempt before the last
			continue
		}
		if canceled && call.ofWorker && call.names.attempt.poll.seen > 0 && call.at > call.names.attempt.poll.seen &&
			call.at < call.names.attempt.poll.seen+time.Minute && len(r.schedule.Away) == 0 && !slices.Contains(details.TaskIDs, call.names.id) {
			return fmt.Sprintf("the worker's signal at %s, which names task %d, was not waited for", call.at, call.names.id)
		}
		if call.heard > 0 && call.heard < r.record.ended && !slices.Contains(details.TaskIDs, call.names.id) &&
			call.heard > call.names.attempt.poll.seen {
			return fmt.Sprintf("the call at %s has named task %d, and the end at %s says: %v", call.heard, call.names.id, r.record.ended, r.err)
		}
	}
	return ""
}

func solveEndsAsCanceled(r *solveRun, _ workflows.ErrorDetails) string {
	if r.record.canceled > 0 && r.record.ended > r.record.canceled && workflows.ErrorCode(r.err) != workflows.Canceled {
		return fmt.Sprintf("the cancellation at %s did not end it; at %s came %v", r.record.canceled, r.record.ended, r.err)
	}
	return ""
}

func nothingSecretIsShown(r *solveRun, details workflows.ErrorDetails) string {
	told, _ := json.Marshal(details)
	for _, text := range append(slices.Clone(r.shown), string(told), fmt.Sprint(r.err)) {
		for _, secret := range []string{taskSecret, callbackSecret, clientKey, "callbacks.example"} {
			if strings.Contains(text, secret) {
				return fmt.Sprintf("it shows %q: %s", secret, text)
			}
		}
	}
	return ""
}
