package twocaptcha

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// keptFor is how long requests go on without a usable key in the file: a secret that is mounted
	// anew takes up to two minutes.
	keptFor = 10 * time.Minute
	// warnedEvery bounds the log's lines about one file.
	warnedEvery = time.Minute
	// maxKnownKeys is how many keys are remembered, the latest ones, to mask them.
	maxKnownKeys = 16
)

// keyFile is a key in a file, which may change while requests are under way. Five requests with a
// wrong key ban the address, so that a changed key is tried by one request at a time.
type keyFile struct {
	path string
	now  func() time.Time
	log  func(ctx context.Context, level slog.Level, message string, keysAndValues ...any)

	// mutex is held while the file is read: what was read last is what counts.
	mutex sync.Mutex
	// content is the last key in the file.
	content string
	// good is the last key that the service has taken. It is empty before the first one, and after
	// the service has refused it while the file held another.
	good    string
	hadGood bool
	// refused is a changed key that the service has refused. It is not tried again until the file
	// holds another.
	refused string
	trying  bool // a request with a changed key is under way
	keys    []string

	unusableSince time.Time // the file holds no usable key; zero: it does
	warnedAt      time.Time
	// warned and saidLost tell what the log says of the file now.
	warned, saidLost bool
}

func newKeyFile(options Options) (*keyFile, error) {
	k := &keyFile{path: options.ClientKeyFile, now: options.Now, log: options.Log}
	if k.now == nil {
		k.now = time.Now
	}
	if k.log == nil {
		k.log = func(context.Context, slog.Level, string, ...any) {}
	}
	key, err := readKey(k.path)
	if err != nil {
		return nil, k.problem(err)
	}
	k.content, k.keys = key, []string{key}
	return k, nil
}

func (k *keyFile) problem(err error) error {
	return fmt.Errorf("the client key file%s %w", shownPath(k.path), err)
}

func (k *keyFile) take(ctx context.Context) (lease, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	problem := k.read()
	k.tell(ctx, problem)
	isNew := k.hadGood && k.content != k.good
	switch {
	case problem != nil:
		key := k.good
		if !k.hadGood {
			key = k.content
		}
		if key == "" || k.isLost() {
			return lease{}, problem
		}
		return k.lease(key), nil
	case isNew && k.content != k.refused && !k.trying:
		k.trying = true
		return k.trial(k.content), nil
	case isNew && k.good == "":
		return lease{}, k.problem(errors.New("holds another key, which another request is trying now"))
	case isNew:
		return k.lease(k.good), nil
	}
	return k.lease(k.content), nil
}

func (k *keyFile) usable() error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if problem := k.read(); problem != nil && k.isLost() {
		return problem
	}
	return nil
}

func (k *keyFile) known() []string {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return slices.Clone(k.keys)
}

func (k *keyFile) isLost() bool { return k.now().Sub(k.unusableSince) >= keptFor }

// read reads the file. The error says why there is no usable key in it.
func (k *keyFile) read() error {
	key, err := readKey(k.path)
	if err == nil && key != k.good && strings.HasPrefix(k.good, key) {
		err = errors.New("holds only the beginning of the key: it is being written, or was cut off")
	}
	if err == nil {
		k.hold(key)
		if key == k.refused && k.good == "" {
			err = errors.New("holds a key that the service refuses (" + ErrorKeyDoesNotExist + "): put the account's API key into it")
		}
	}
	switch {
	case err == nil:
		k.unusableSince = time.Time{}
		return nil
	case k.unusableSince.IsZero():
		k.unusableSince = k.now()
	}
	return k.problem(err)
}

// hold notes the key in the file.
func (k *keyFile) hold(key string) {
	if key == k.content {
		return
	}
	k.content, k.refused = key, ""
	k.keys = slices.DeleteFunc(k.keys, func(known string) bool { return known == key })
	k.keys = append(k.keys, key)
	if len(k.keys) > maxKnownKeys {
		oldest := slices.IndexFunc(k.keys, func(known string) bool { return known != k.good })
		k.keys = slices.Delete(k.keys, oldest, oldest+1)
	}
}

// tell has the log say what has become of the file. problem is what read returned.
func (k *keyFile) tell(ctx context.Context, problem error) {
	now := k.now()
	switch {
	case problem == nil && k.warned:
		k.warned, k.saidLost = false, false
		k.log(ctx, slog.LevelInfo, "the client key file holds a usable key again", "file", k.shown())
	case problem == nil, k.saidLost:
	case k.isLost():
		k.warned, k.saidLost = true, true
		k.log(ctx, slog.LevelError, "there has been no usable client key for 10 minutes: no request is sent until the file holds one",
			"file", k.shown(), "reason", problem.Error())
	case k.warnedAt.IsZero() || now.Sub(k.warnedAt) >= warnedEvery:
		k.warned, k.warnedAt = true, now
		text := "the client key file is not usable: the last good key stays in use for 10 minutes"
		if k.hadGood && k.good == "" {
			text = "the client key file is not usable, and the service refuses the former key: no request is sent until the file changes"
		}
		k.log(ctx, slog.LevelWarn, text, "file", k.shown(), "reason", problem.Error())
	}
}

func (k *keyFile) shown() string { return strings.TrimSpace(shownPath(k.path)) }

// lease is that of a key that requests share.
func (k *keyFile) lease(key string) lease {
	return lease{key, func(_ context.Context, answer keyAnswer) (repeat bool) {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		switch {
		case answer == keyTaken && !k.hadGood:
			k.good, k.hadGood = key, true
		case answer == keyRefused && key == k.good && (k.content != key || !k.unusableSince.IsZero()):
			k.good = "" // the account has a new key, and the file holds another one or is about to
			return true
		case answer == keyRefused:
			return key != k.content
		}
		return false
	}}
}

// trial is the lease of a changed key.
func (k *keyFile) trial(key string) lease {
	return lease{key, func(ctx context.Context, answer keyAnswer) (repeat bool) {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		k.trying = false
		switch answer {
		case keyTaken:
			k.good = key
			k.log(ctx, slog.LevelInfo, "the service takes the changed client key, which is in use from now on", "file", k.shown())
		case keyRefused:
			k.refused = key
			goesOn := "requests go on with the last good key"
			if k.good == "" {
				goesOn = "no request is sent until then, since the service refuses the former key too"
			}
			k.log(ctx, slog.LevelError, "the service refuses the changed client key ("+ErrorKeyDoesNotExist+"), which is set aside "+
				"until the file changes again; "+goesOn+": put the account's API key into the file", "file", k.shown())
			return true
		}
		return false
	}}
}
