package activities_test

import (
	"log/slog"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/temporal-providers/temporal-2captcha/activities"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

// newThriftyOffice has a floor for the balance.
func newThriftyOffice(t *testing.T, floor string) *office {
	t.Helper()
	wall := &clock{}
	amount, err := activities.ParseMinBalance(floor)
	require.NoError(t, err)
	return &office{newShop(t, []activities.Option{activities.WithClock(wall.Now), activities.WithMinBalance(amount)}), wall}
}

func (o *office) balance(text string) {
	o.service.ScriptBalance(simulator.Body(`{"errorId":0,"balance":` + text + `}`))
}

// buy submits in both ways, which must end alike.
func (o *office) buy() error {
	o.t.Helper()
	_, err := o.createTask(`{"task":` + textTask + `}`)
	_, other := o.submitTask()
	require.Equal(o.t, err == nil, other == nil, "%v, but %v", err, other)
	if err != nil {
		require.Equal(o.t, applicationError(o.t, err).Type(), applicationError(o.t, other).Type())
	}
	return err
}

// requests returns how many requests there were for the balance.
func (o *office) balanceRequests() (count int) {
	for _, request := range o.service.Requests() {
		if request.Path == "/getBalance" {
			count++
		}
	}
	return count
}

func TestMinBalanceIsComparedExactly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		floor, balance string
		buys           bool
	}{
		"above":                 {"1", "1.00001", true},
		"equal":                 {"0.3", "0.30", true},
		"below by the least":    {"0.3", "0.29999", false},
		"beyond a float":        {"0.100000000000001", "0.100000000000000999", false},
		"in debt":               {"0.01", "-5", false},
		"as a string":           {"1", `"1.5"`, true},
		"as a small float":      {"0.00001", "9.9e-6", false},
		"as a large one":        {"100", "1.5E+3", true},
		"no floor":              {"0", "0", true},
		"no floor, spelled out": {"0.000", "0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newThriftyOffice(t, test.floor)
			o.balance(test.balance)
			err := o.buy()
			if test.buys {
				require.NoError(t, err)
				require.Len(t, o.service.Purchases(), 2)
				return
			}
			failure := applicationError(t, err)
			require.Equal(t, activities.ErrorTypeNotSubmitted, failure.Type())
			require.True(t, failure.NonRetryable())
			require.Equal(t, "createTask: not sent: the account's balance is "+test.balance+", which is below the floor of "+test.floor+
				": add funds to the account, or set TWOCAPTCHA_MIN_BALANCE lower", failure.Message())
			details := errorDetails(t, failure)
			require.Equal(t, failure.Message(), details.LastError)
			require.Empty(t, details.ErrorCode)
			require.Empty(t, o.marks)
			require.Empty(t, o.service.Purchases())
			require.Len(t, o.service.Requests(), 1)
		})
	}
}

func TestBalanceIsAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	o := newThriftyOffice(t, "1")
	o.balance("2")
	require.Zero(t, o.balanceRequests(), "not before it is needed")
	require.NoError(t, o.buy())
	o.balance("0.5")
	o.wall.move(time.Minute - 1)
	require.NoError(t, o.buy())
	require.Equal(t, 1, o.balanceRequests())
	o.wall.move(1)
	require.Equal(t, activities.ErrorTypeNotSubmitted, applicationError(t, o.buy()).Type())
	o.balance("2")
	o.wall.move(time.Minute)
	require.NoError(t, o.buy())
	require.Equal(t, 3, o.balanceRequests())
}

func TestWithoutAFloorNoBalanceIsAskedFor(t *testing.T) {
	t.Parallel()
	o := newThriftyOffice(t, "")
	require.NoError(t, o.buy())
	require.Zero(t, o.balanceRequests())
}

// If nobody knows the balance, nothing is bought, and it is not asked for again within the minute.
func TestBalanceThatCantBeLearned(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer simulator.Answer
		text   string
	}{
		"an outage":      {simulator.Status(500, ""), "getBalance: HTTP status 500"},
		"no balance":     {simulator.Body(`{"errorId":0}`), "no balance"},
		"a text":         {simulator.Body(`{"errorId":0,"balance":"much"}`), "balance is not a number"},
		"without end":    {simulator.Body(`{"errorId":0,"balance":1e999999999}`), "not a decimal that can be compared"},
		"no such method": {simulator.Error("ERROR_NO_SUCH_METHOD"), "ERROR_NO_SUCH_METHOD"},
		"no connection":  {simulator.DroppedConnection(), "getBalance: no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newThriftyOffice(t, "1")
			o.service.ScriptBalance(test.answer)
			for range 2 {
				failure := applicationError(t, o.buy())
				require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
				require.False(t, failure.NonRetryable())
				require.Contains(t, failure.Message(), "createTask: not sent: the account's balance is not known, and TWOCAPTCHA_MIN_BALANCE is set: ")
				require.Contains(t, failure.Message(), test.text)
				require.Equal(t, time.Minute, failure.NextRetryDelay())
			}
			require.Equal(t, 1, o.balanceRequests())
			require.Empty(t, o.service.Purchases())
			require.Empty(t, o.marks)
			o.balance("1")
			o.wall.move(time.Minute)
			require.NoError(t, o.buy())
		})
	}
}

// The service would refuse the submission too. A wrong key that is repeated is a ban.
func TestVerdictOnTheAccountEndsTheSubmission(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ERROR_KEY_DOES_NOT_EXIST", "ERROR_IP_NOT_ALLOWED", "ERROR_ACCOUNT_SUSPENDED"} {
		o := newThriftyOffice(t, "1")
		o.service.ScriptBalance(simulator.Error(code))
		failure := applicationError(t, o.buy())
		require.Equal(t, code, failure.Type())
		require.True(t, failure.NonRetryable())
		require.Empty(t, o.service.Purchases())
	}
}

// getBalance is a request as others are: the breaker counts for it, and hears of it.
func TestBalanceAndTheBreaker(t *testing.T) {
	t.Parallel()
	o := newThriftyOffice(t, "1")
	o.balance("2")
	o.service.Script(taskID, simulator.RetryAfter(429, "30"), simulator.Processing())
	require.Error(t, o.poll(0))
	o.requireHeld(o.buy(), "HTTP 429")
	require.Zero(t, o.balanceRequests())
	o.wall.move(time.Minute)
	o.service.ScriptBalance(simulator.Error("ERROR_IP_BLOCKED"))
	failure := applicationError(t, o.buy())
	require.Equal(t, activities.ErrorTypeRequestFailed, failure.Type())
	require.Equal(t, 3*time.Minute, failure.NextRetryDelay())
	require.Equal(t, 1, o.balanceRequests())
	o.balance("2")
	o.wall.move(3 * time.Minute)
	require.NoError(t, func() error { _, err := o.createTask(`{"task":` + textTask + `}`); return err }(),
		"a submission that has its turn asks for the balance in it")
}

// Submissions that begin together share one request.
func TestSubmissionsShareOneBalance(t *testing.T) {
	t.Parallel()
	o := newThriftyOffice(t, "1")
	o.service.ScriptBalance(simulator.Body(`{"errorId":0,"balance":1}`).WithDelay(200 * time.Millisecond))
	client, err := twocaptcha.NewClient(twocaptcha.Options{ClientKey: clientKey, URL: o.service.URL()})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	shared := activities.New(client, activities.WithClock(o.wall.Now), activities.WithMinBalance(big.NewRat(1, 1)))
	var running sync.WaitGroup
	failures := [20]error{}
	for number := range failures {
		running.Go(func() {
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			environment := suite.NewTestActivityEnvironment()
			shared.Register(environment)
			_, failures[number] = environment.ExecuteActivity("createTask", rawJSON(`{"task":`+textTask+`}`))
		})
	}
	running.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, 1, o.balanceRequests())
	require.Len(t, o.service.Purchases(), len(failures))
}

func TestParseMinBalance(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"-1", "+1", "1e3", "1/3", "0x10", "NaN", "Inf", ".5", "1.", "1,5", "1 000", "1_000", "١", "1234567890123456"} {
		_, err := activities.ParseMinBalance(text)
		require.ErrorContains(t, err, "is not an amount: it takes one in the account's currency", "%q", text)
	}
	for text, want := range map[string]*big.Rat{"0.50": big.NewRat(1, 2), " 1\n": big.NewRat(1, 1), "007": big.NewRat(7, 1)} {
		amount, err := activities.ParseMinBalance(text)
		require.NoError(t, err)
		require.Zero(t, want.Cmp(amount), "%q", text)
	}
}
