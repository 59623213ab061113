package twocaptcha_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/twocaptcha"
)

const (
	otherKey = "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b"
	wrongKey = "77777777aaaaaaaa88888888bbbbbbbb"
)

// keyFile is a client with a key file, and a service that takes some keys.
type keyFile struct {
	*twocaptcha.Client
	t    *testing.T
	path string

	mutex  sync.Mutex
	now    time.Time
	valid  map[string]bool
	got    []string             // the keys of the requests, in order of arrival
	log    []string             // levels and messages
	before func(key string)     // a request is answered
	answer func() (int, string) // in place of the service's; nil: none
}

const processing = `{"errorId":0,"status":"processing"}`

func newKeyFile(t *testing.T, validKeys ...string) *keyFile {
	t.Helper()
	k := &keyFile{t: t, path: filepath.Join(t.TempDir(), "key"), now: time.Unix(1_800_000_000, 0), valid: map[string]bool{}}
	k.setValid(validKeys...)
	k.write(clientKey + "\n")
	server := startService(t, func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			ClientKey string `json:"clientKey"`
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &request)
		k.mutex.Lock()
		k.got = append(k.got, request.ClientKey)
		valid, before, answer := k.valid[request.ClientKey], k.before, k.answer
		k.mutex.Unlock()
		if before != nil {
			before(request.ClientKey)
		}
		switch {
		case answer != nil:
			status, text := answer()
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		case valid:
			_, _ = io.WriteString(w, processing)
		default:
			_, _ = io.WriteString(w, `{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST"}`)
		}
	})
	k.Client = newClient(t, server.URL, func(o *twocaptcha.Options) {
		o.ClientKey, o.ClientKeyFile = "", k.path
		o.Now = func() time.Time { k.mutex.Lock(); defer k.mutex.Unlock(); return k.now }
		o.Log = func(_ context.Context, level slog.Level, message string, keysAndValues ...any) {
			k.mutex.Lock()
			defer k.mutex.Unlock()
			k.log = append(k.log, fmt.Sprint(level, " ", message, keysAndValues))
		}
	})
	return k
}

func (k *keyFile) setValid(keys ...string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	clear(k.valid)
	for _, key := range keys {
		k.valid[key] = true
	}
}

func (k *keyFile) setAnswer(status int, body string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.answer = nil
	if status != 0 {
		k.answer = func() (int, string) { return status, body }
	}
}

func (k *keyFile) write(content string) {
	k.t.Helper()
	require.NoError(k.t, os.WriteFile(k.path+".new", []byte(content), 0o600))
	require.NoError(k.t, os.Rename(k.path+".new", k.path))
}

func (k *keyFile) pass(d time.Duration) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.now = k.now.Add(d)
}

func (k *keyFile) ask() error {
	_, err := k.GetTaskResult(k.t.Context(), taskID)
	return err
}

// keys returns the keys of the requests since the last call.
func (k *keyFile) keys() []string {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	got := k.got
	k.got = nil
	return got
}

// logged returns what was logged since the last call.
func (k *keyFile) logged() []string {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	log := k.log
	k.log = nil
	for _, key := range []string{clientKey, otherKey, wrongKey} {
		require.NotContains(k.t, strings.Join(log, "\n"), key)
	}
	return log
}

func (k *keyFile) requireSent(keys ...string) {
	k.t.Helper()
	for range keys {
		require.NoError(k.t, k.ask())
	}
	require.Equal(k.t, keys, k.keys())
}

func (k *keyFile) requireNotSent(text string) {
	k.t.Helper()
	failure := requireTransportError(k.t, k.ask(), twocaptcha.ReasonClientKey)
	require.True(k.t, failure.NotSent)
	require.Contains(k.t, failure.Error(), text)
	require.Empty(k.t, k.keys())
}

func TestKeyFileWithoutAKeyKeepsTheLastGoodOneForTenMinutes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil  func(k *keyFile)
		reason string
	}{
		"missing":      {func(k *keyFile) { require.NoError(k.t, os.Remove(k.path)) }, "no such file"},
		"empty":        {func(k *keyFile) { k.write("\n") }, "is empty"},
		"half written": {func(k *keyFile) { k.write(clientKey[:20]) }, "holds only the beginning of the key"},
		"a folder": {func(k *keyFile) {
			require.NoError(k.t, os.Remove(k.path))
			require.NoError(k.t, os.Mkdir(k.path, 0o700))
		}, "not a regular file"},
		"with a variable's name": {func(k *keyFile) { k.write("KEY=" + otherKey) }, `begins with a name and "="`},
		"two keys":               {func(k *keyFile) { k.write(clientKey + "\n" + otherKey) }, "white space"},
	} {
		for _, proven := range []bool{true, false} {
			if name == "half written" && !proven {
				continue // nobody knows which of the two is the key
			}
			t.Run(fmt.Sprintf("%s, proven %t", name, proven), func(t *testing.T) {
				t.Parallel()
				k := newKeyFile(t, clientKey)
				if proven {
					k.requireSent(clientKey)
				}
				test.spoil(k)

				k.requireSent(clientKey)
				require.NoError(t, k.KeyUsable())
				logged := k.logged()
				require.Len(t, logged, 1)
				require.Contains(t, logged[0], "WARN the client key file is not usable: the last good key stays in use for 10 minutes")
				require.Contains(t, logged[0], test.reason)
				k.requireSent(clientKey, clientKey)
				require.Empty(t, k.logged(), "at most once a minute")
				k.pass(10*time.Minute - 1)
				k.requireSent(clientKey)
				require.Len(t, k.logged(), 1)
				require.NoError(t, k.KeyUsable())

				k.pass(1)
				require.ErrorContains(t, k.KeyUsable(), test.reason)
				k.requireNotSent(test.reason)
				k.requireNotSent(k.path)
				logged = k.logged()
				require.Len(t, logged, 1)
				require.Contains(t, logged[0], "ERROR there has been no usable client key for 10 minutes")

				require.NoError(t, os.RemoveAll(k.path))
				k.write(clientKey)
				require.NoError(t, k.KeyUsable(), "a key that is there again counts at once")
				k.requireSent(clientKey)
				require.Contains(t, strings.Join(k.logged(), ""), "INFO the client key file holds a usable key again")
			})
		}
	}
}

func TestChangedKeyCountsAtOnce(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, clientKey, otherKey)
	k.requireSent(clientKey)
	k.write(otherKey)
	k.requireSent(otherKey, otherKey)
	k.setValid(otherKey)
	require.NoError(t, os.Remove(k.path))
	k.requireSent(otherKey)
	k.write(clientKey)
	require.True(t, requireServiceError(t, k.ask()).KeySetAside, "a former key is a changed one too")
	k.keys()
	k.requireSent(otherKey)
}

func TestWrongChangedKeyIsTriedOnceAndSetAside(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, clientKey, otherKey)
	k.requireSent(clientKey)
	for range 2 {
		k.write(wrongKey)
		failure := requireServiceError(t, k.ask())
		require.Equal(t, twocaptcha.ErrorKeyDoesNotExist, failure.Code)
		require.True(t, failure.KeySetAside)
		require.Contains(t, failure.Error(), "the next request has another one")
		require.Equal(t, []string{wrongKey}, k.keys())
		logged := k.logged()
		require.Len(t, logged, 1)
		require.Contains(t, logged[0], "ERROR the service refuses the changed client key (ERROR_KEY_DOES_NOT_EXIST)")
		require.Contains(t, logged[0], k.path)

		k.requireSent(clientKey, clientKey)
		k.write(wrongKey + "\n\n") // which changes nothing
		k.requireSent(clientKey)
		require.NoError(t, os.Remove(k.path))
		k.requireSent(clientKey)
		k.write(wrongKey)
		k.requireSent(clientKey)
		k.pass(time.Hour)
		k.requireSent(clientKey)
		require.NoError(t, k.KeyUsable())

		k.write(clientKey)
		k.requireSent(clientKey)
		k.logged()
	}
	k.write(wrongKey)
	require.Error(t, k.ask())
	k.keys()
	k.write(otherKey)
	k.requireSent(otherKey, otherKey)
}

// As it was: nobody knows a better key.
func TestWrongFirstKeyIsRefusedEachTime(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, otherKey)
	for range 2 {
		require.False(t, requireServiceError(t, k.ask()).KeySetAside)
	}
	k.keys()
	k.write(wrongKey)
	require.False(t, requireServiceError(t, k.ask()).KeySetAside)
	k.keys()
	k.write(otherKey)
	k.requireSent(otherKey)
	k.setValid()
	require.False(t, requireServiceError(t, k.ask()).KeySetAside, "a good key that is revoked, and no other in the file")
}

// While one request tries a changed key, the others go on with the last good one.
func TestOneRequestAtATimeTriesAChangedKey(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"wrong": wrongKey, "right": otherKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyFile(t, clientKey, otherKey)
			k.requireSent(clientKey)
			k.write(key)
			arrived, release := make(chan struct{}), make(chan struct{})
			k.before = func(got string) {
				if got == key {
					close(arrived)
					<-release
				}
			}
			tried := make(chan error)
			go func() { tried <- k.ask() }()
			<-arrived
			var running sync.WaitGroup
			for range 50 {
				running.Go(func() { require.NoError(t, k.ask()) })
			}
			running.Wait()
			k.mutex.Lock()
			k.before = nil
			k.mutex.Unlock()
			close(release)
			require.Equal(t, key == wrongKey, <-tried != nil)
			require.Equal(t, append([]string{key}, slices.Repeat([]string{clientKey}, 50)...), k.keys())

			next := map[string]string{wrongKey: clientKey, otherKey: otherKey}[key]
			for range 50 {
				running.Go(func() { require.NoError(t, k.ask()) })
			}
			running.Wait()
			require.Equal(t, slices.Repeat([]string{next}, 50), k.keys())
		})
	}
}

// A service that makes a new key forgets the former one.
func TestFormerKeyThatIsRefusedWhileTheFileHoldsAnother(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, clientKey)
	k.requireSent(clientKey)
	k.write(wrongKey)
	require.Error(t, k.ask())
	k.setValid(otherKey)
	k.keys()

	require.True(t, requireServiceError(t, k.ask()).KeySetAside)
	require.Equal(t, []string{clientKey}, k.keys())
	k.requireNotSent("holds a key that the service refuses")
	k.requireNotSent("holds a key that the service refuses")
	require.NoError(t, k.KeyUsable())
	k.pass(10 * time.Minute)
	require.ErrorContains(t, k.KeyUsable(), "holds a key that the service refuses")
	k.write(otherKey)
	require.NoError(t, k.KeyUsable())
	k.requireSent(otherKey, otherKey)
}

// A file that is being replaced has no key for a moment.
func TestGoodKeyThatIsRefusedWhileTheFileIsMissing(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, clientKey)
	k.requireSent(clientKey)
	require.NoError(t, os.Remove(k.path))
	k.setValid(otherKey)
	require.True(t, requireServiceError(t, k.ask()).KeySetAside)
	k.keys()
	k.requireNotSent("no such file")
	k.write(otherKey)
	k.requireSent(otherKey)
}

// What is said before the key was looked at says nothing of it.
func TestAnswersThatProveNoKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		proves bool
	}{
		"a ban":                    {200, `{"errorId":21,"errorCode":"ERROR_IP_BLOCKED"}`, false},
		"an unknown code":          {200, `{"errorId":1,"errorCode":"ERROR_WRONG_USER_KEY"}`, false},
		"too many requests":        {429, ``, false},
		"a limit of a relative":    {200, `{"errorId":1,"errorCode":"ERROR_RATE_LIMIT"}`, false},
		"a gateway":                {502, `<html>`, false},
		"an odd body":              {200, `{}`, false},
		"a code without a meaning": {200, `{"errorId":7}`, false},
		"an unknown task":          {200, `{"errorId":16,"errorCode":"ERROR_NO_SUCH_CAPCHA_ID"}`, true},
		"no funds":                 {200, `{"errorId":10,"errorCode":"ERROR_ZERO_BALANCE"}`, true},
		"processing":               {200, processing, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyFile(t, clientKey)
			k.requireSent(clientKey)
			k.write(wrongKey)
			k.setAnswer(test.status, test.body)
			_ = k.ask()
			require.Equal(t, []string{wrongKey}, k.keys())
			k.setAnswer(0, "")
			failure := requireServiceError(t, k.ask())
			require.Equal(t, []string{wrongKey}, k.keys(), "it is in use, or is tried again")
			require.Equal(t, !test.proves, failure.KeySetAside)
		})
	}
}

// A service can echo a key that another request has had.
func TestEveryKeyOfAFileIsMasked(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, clientKey, otherKey)
	k.requireSent(clientKey)
	k.write(otherKey)
	k.requireSent(otherKey)
	k.write(wrongKey)
	require.Error(t, k.ask())
	k.setAnswer(200, `{"errorId":1,"errorCode":"ERROR_NEW","errorDescription":"`+clientKey+" "+strings.ToUpper(otherKey)+" "+wrongKey+`"}`)
	require.Contains(t, k.ask().Error(), "[client key] [client key] [client key]")
	k.setAnswer(200, `{"errorId":0,"status":"ready","solution":{"a":"`+clientKey+`","b":"`+otherKey+`","c":"x`+wrongKey+`"},"ip":"`+clientKey+`"}`)
	result, err := k.GetTaskResult(t.Context(), taskID)
	require.NoError(t, err)
	require.JSONEq(t, `{"a":"[client key]","b":"[client key]","c":"x[client key]"}`, string(result.Solution))
	require.Equal(t, "[client key]", result.IP)
}

// Whatever happens to the file while requests are under way, each wrong content is tried once.
func TestKeyFileThatChangesUnderManyRequests(t *testing.T) {
	t.Parallel()
	k := newKeyFile(t, clientKey, otherKey)
	k.requireSent(clientKey)
	stop := make(chan struct{})
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = k.ask()
				}
			}
		})
	}
	const changes = 20
	requireTried := func(key string) {
		require.Eventually(t, func() bool {
			k.mutex.Lock()
			defer k.mutex.Unlock()
			return slices.Contains(k.got, key)
		}, time.Minute, time.Millisecond, key)
	}
	for number := range changes {
		wrong := fmt.Sprintf("%032d", number)
		k.write(wrong)
		requireTried(wrong)
		k.write([]string{clientKey, otherKey}[number%2]) // which may be tried before the next one, or not
	}
	requireTried(otherKey)
	close(stop)
	running.Wait()
	counts := map[string]int{}
	for _, key := range k.keys() {
		counts[key]++
	}
	for key, count := range counts {
		if key != clientKey && key != otherKey {
			require.Equal(t, 1, count, "the key %s", key)
		}
	}
	require.Len(t, slices.Collect(maps.Keys(counts)), changes+2)
}

func TestFixedKeyIsAlwaysUsable(t *testing.T) {
	t.Parallel()
	require.NoError(t, newClient(t, "https://example.com").KeyUsable())
}
