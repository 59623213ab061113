package simulator

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// Faults gives each getTaskResult request that would be accepted one of these answers instead of
// the scripted one, with this probability (0 to 1); each answer is equally likely. The scripted
// answer stays for the next request. The seed, the task and Request.TaskRequest alone decide what
// happens, so the same seed gives the same faults in whatever order the requests of different tasks
// arrive. A call replaces the faults that were set before; without answers there are none.
func (s *Server) Faults(seed uint64, probability float64, answers ...Answer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.faults = faults{seed: seed, probability: probability, answers: slices.Clone(answers)}
}

type faults struct {
	seed        uint64
	probability float64
	answers     []Answer
}

func (f faults) draw(taskID int64, taskRequest int) (Answer, bool) {
	if len(f.answers) == 0 {
		return Answer{}, false
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[0:], f.seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(taskID))
	binary.LittleEndian.PutUint64(seed[16:], uint64(taskRequest))
	random := rand.New(rand.NewChaCha8(seed))
	if random.Float64() >= f.probability {
		return Answer{}, false
	}
	return f.answers[random.IntN(len(f.answers))], true
}
