package simulator

import (
	"fmt"
	"slices"
	"time"
)

// bans keeps count of misuse. The service bans the address that requests come from; here all
// requests come from one address. The service's pages don't say what counts after a ban has ended:
// here counting starts again.
type bans struct {
	tasks     int // submitted
	polls     int
	wrongKeys int
	until     time.Time
	reason    string
}

const (
	wrongKeysAllowed = 5
	wrongKeyBan      = 10 * time.Minute
	pollsPerTask     = 20
	pollsBeside      = 1200
	pollBan          = 5 * time.Minute
)

// check returns why the caller is banned, or "".
func (b *bans) check(now time.Time) string {
	if now.Before(b.until) {
		return b.reason
	}
	return ""
}

// Ban has every request for so long from now on answered with ERROR_IP_BLOCKED, as if the address
// had been banned for misuse.
func (s *Server) Ban(d time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.bans.until, s.bans.reason = s.options.Clock().Add(d), "banned by the test"
}

// AcceptKeys has the server accept these client keys from now on, and no other.
func (s *Server) AcceptKeys(keys ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.keys = slices.Clone(keys)
}

// accepts tells whether the server accepts the client key.
func (s *Server) accepts(key string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Contains(s.keys, key)
}

// countWrongKey starts the ban with the request after the last one that is allowed.
func (b *bans) countWrongKey(now time.Time) {
	b.wrongKeys++
	if b.wrongKeys == wrongKeysAllowed {
		b.wrongKeys = 0
		b.until = now.Add(wrongKeyBan)
		b.reason = fmt.Sprintf("banned for %d requests with a wrong key", wrongKeysAllowed)
	}
}

// countPoll returns why this very request is banned, or "".
func (b *bans) countPoll(now time.Time) string {
	b.polls++
	allowed := pollsPerTask*b.tasks + pollsBeside
	if b.polls <= allowed {
		return ""
	}
	b.polls = 0
	b.until = now.Add(pollBan)
	b.reason = fmt.Sprintf("banned for more than %d requests for %d tasks", allowed, b.tasks)
	return b.reason
}
