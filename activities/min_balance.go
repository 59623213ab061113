package activities

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// MinBalanceVariable names the environment variable that sets the floor of [WithMinBalance].
const MinBalanceVariable = "TWOCAPTCHA_MIN_BALANCE"

const (
	// balanceAge is how old the balance may be that a submission is judged by.
	balanceAge = time.Minute
	// balanceTimeout leaves the submission its time within the attempt.
	balanceTimeout = 10 * time.Second
)

// Both are bounded: a big.Rat of 1e999999999 would take all memory.
var (
	floorForm   = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,15})?$`)
	balanceForm = regexp.MustCompile(`^-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$`)
)

// ParseMinBalance reads the floor of [WithMinBalance]: an amount in the account's currency, such as
// "1" or "0.50". For "" and "0" it returns nil or 0: there is no floor. The error says what it
// takes.
func ParseMinBalance(text string) (*big.Rat, error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return nil, nil
	}
	if !floorForm.MatchString(trimmed) {
		return nil, fmt.Errorf("%.40q is not an amount: it takes one in the account's currency, such as 1 or 0.50, "+
			"or 0 for no floor", text)
	}
	floor, _ := new(big.Rat).SetString(trimmed)
	return floor, nil
}

// balance is the account's, as the service has last told it.
type balance struct {
	mutex sync.Mutex
	last  *balanceRequest // nil: there was none that counts
}

// balanceRequest is a getBalance request that all submissions share which need the balance.
type balanceRequest struct {
	begun time.Time
	done  chan struct{} // closed when what follows is known

	sent   bool     // else the next submission may ask at once
	text   string   // as the service wrote it
	amount *big.Rat // nil: it is not known
	err    error    // why it is not known
}

// belowMinBalance returns why the floor forbids to submit, or nil: a *notSentReason if the balance
// can't be learned, else the error that ends the activity.
func (a *Activities) belowMinBalance(ctx context.Context) error {
	if a.minBalance == nil {
		return nil
	}
	request, mine := a.balanceRequest()
	if mine {
		a.askForBalance(ctx, request)
	}
	select {
	case <-request.done:
	case <-ctx.Done():
		return &notSentReason{text: "the attempt was given up while it waited for the account's balance"}
	}
	switch {
	case request.amount == nil:
		return a.withoutBalance(request)
	case request.amount.Cmp(a.minBalance) >= 0:
		return nil
	}
	return newAttemptError(fmt.Sprintf("%s: not sent: the account's balance is %s, which is below the floor of %s: "+
		"add funds to the account, or set %s lower", CreateTaskActivity, request.text, decimal(a.minBalance), MinBalanceVariable),
		ErrorTypeNotSubmitted, verdict, ErrorDetails{})
}

// balanceRequest returns the request by which a submission is judged. If it is the caller's, the
// caller sends it.
func (a *Activities) balanceRequest() (request *balanceRequest, mine bool) {
	a.balance.mutex.Lock()
	defer a.balance.mutex.Unlock()
	now := a.now()
	if last := a.balance.last; last != nil {
		select {
		case <-last.done:
			if last.sent && now.Sub(last.begun) < balanceAge {
				return last, false
			}
		default:
			return last, false
		}
	}
	a.balance.last = &balanceRequest{begun: now, done: make(chan struct{})}
	return a.balance.last, true
}

// askForBalance sends the request, also if the attempt that asks is canceled meanwhile: others wait
// for the answer too.
func (a *Activities) askForBalance(ctx context.Context, request *balanceRequest) {
	defer close(request.done)
	request.err = errors.New(GetBalanceActivity + ": no answer")
	result, err := ask(context.WithoutCancel(ctx), a, question[twocaptcha.BalanceResult]{
		method: GetBalanceActivity, hasTurn: true,
		send: func(ctx context.Context) (*twocaptcha.BalanceResult, error) {
			ctx, cancel := context.WithTimeout(ctx, balanceTimeout)
			defer cancel()
			result, err := a.client.GetBalance(ctx)
			var failed *twocaptcha.TransportError
			request.sent = !errors.As(err, &failed) || !failed.NotSent
			return result, err
		},
	})
	switch {
	case err != nil:
		request.err = err
	case !balanceForm.MatchString(result.Balance):
		request.err = errors.New(GetBalanceActivity + ": the balance is not a decimal that can be compared")
	default:
		request.text = result.Balance
		request.amount, _ = new(big.Rat).SetString(result.Balance)
	}
}

// accountVerdicts are the codes that the service would refuse the submission with too.
var accountVerdicts = map[string]bool{
	twocaptcha.ErrorKeyDoesNotExist:  true,
	twocaptcha.ErrorIPNotAllowed:     true,
	twocaptcha.ErrorAccountSuspended: true,
}

// withoutBalance is the error of a submission whose balance can't be learned.
func (a *Activities) withoutBalance(request *balanceRequest) error {
	text := request.err.Error()
	reason := &notSentReason{}
	var failed *temporal.ApplicationError
	if errors.As(request.err, &failed) {
		if failed.NonRetryable() && accountVerdicts[failed.Type()] {
			return request.err
		}
		text, reason.delay = detailsOf(failed).LastError, failed.NextRetryDelay()
	}
	if request.sent { // no other request is sent before
		reason.delay = max(reason.delay, request.begun.Add(balanceAge).Sub(a.now()), time.Millisecond)
	}
	reason.text = fmt.Sprintf("the account's balance is not known, and %s is set: %s", MinBalanceVariable, text)
	return reason
}

// decimal writes a floor as it was given, but for zeros.
func decimal(amount *big.Rat) string {
	if amount.IsInt() {
		return amount.Num().String()
	}
	return strings.TrimRight(amount.FloatString(15), "0")
}
