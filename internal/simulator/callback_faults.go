package simulator

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// CallbackFaults gives each task that is submitted from now on with a callback URL one of these
// lists of callbacks instead of its own, with this probability (0 to 1); each list is equally
// likely. The seed and the task's id alone decide what happens, so the same seed gives the same
// faults to tasks that are submitted in the same order. A call replaces the faults that were set
// before; without lists every task keeps its own callbacks.
func (s *Server) CallbackFaults(seed uint64, probability float64, callbacks ...[]Callback) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.callbackFaults = callbackFaults{seed: seed, probability: probability, callbacks: slices.Clone(callbacks)}
}

type callbackFaults struct {
	seed        uint64
	probability float64
	callbacks   [][]Callback
}

func (f callbackFaults) draw(taskID int64) ([]Callback, bool) {
	if len(f.callbacks) == 0 {
		return nil, false
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[0:], f.seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(taskID))
	random := rand.New(rand.NewChaCha8(seed))
	if random.Float64() >= f.probability {
		return nil, false
	}
	return f.callbacks[random.IntN(len(f.callbacks))], true
}
