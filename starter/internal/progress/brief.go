package progress

import (
	"github.com/temporal-providers/temporal-2captcha/internal/command"
	"github.com/temporal-providers/temporal-2captcha/starter/internal/batch"
)

// NewBrief writes results and messages alone, for jobs that take a moment.
func NewBrief(invocation command.Invocation) Progress {
	return brief{newPlain(0, invocation.Output, invocation.Errors)}
}

type brief struct{ *plain }

func (brief) Begun(batch.Wait)                {}
func (brief) Ended(batch.Wait, batch.Outcome) {}
