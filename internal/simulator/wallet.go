package simulator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Price is what a task costs, in the account's currency.
const Price = "0.00299"

// price is in hundred thousandths, as the service counts.
const price = 299

var decimal = regexp.MustCompile(`^\d{1,9}(\.\d{1,5})?$`)

// wallet is the account's, in hundred thousandths.
type wallet int64

func newWallet(balance string) (wallet, error) {
	if !decimal.MatchString(balance) {
		return 0, fmt.Errorf("fake 2captcha: Balance %q must be a decimal with at most 5 digits after the point", balance)
	}
	whole, fraction, _ := strings.Cut(balance, ".")
	amount, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 5-len(fraction)), 10, 64)
	return wallet(amount), err
}

// balance returns a decimal, as in the service's example.
func (w wallet) balance() string { return fmt.Sprintf("%d.%05d", w/1e5, w%1e5) }

// charge takes the price of a task, if there is as much.
func (s *Server) charge() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.wallet < price {
		return false
	}
	s.wallet -= price
	return true
}

// settle gives back the price of a task that could not be solved, when its error is first fetched.
func (w *wallet) settle(t *task, answer Answer) {
	if t.charged && (answer.code == errorUnsolvable || answer.code == errorBadDuplicates) {
		t.charged = false
		*w += price
	}
}

// Balance returns what is left in the account's wallet, as getBalance writes it.
func (s *Server) Balance() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.wallet.balance()
}

// ScriptBalance gives consecutive getBalance requests these answers in place of the balance; the
// last one stays. Without answers they get the balance again.
func (s *Server) ScriptBalance(answers ...Answer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.balances = slices.Clone(answers)
}

// balanceAnswer returns the answer to an accepted getBalance request.
func (s *Server) balanceAnswer(now time.Time) Answer {
	if len(s.balances) == 0 {
		return named("balance", fmt.Sprintf(`{"errorId":0,"balance":%s}`, s.wallet.balance()))
	}
	answer := s.balances[0].at(now, now)
	if len(s.balances) > 1 {
		s.balances = s.balances[1:]
	}
	return answer
}
