package main

import (
	"os"
	"testing"

	"github.com/temporal-providers/temporal-2captcha/bench/internal/stage"
)

// markVariable marks this test binary as the whole program, and with it all processes that it
// starts.
const markVariable = "BENCH_TEST_MARK"

// TestMain lets this test binary be the worker processes of the program that is tested, and the
// program itself.
func TestMain(m *testing.M) {
	if _, marked := os.LookupEnv(markVariable); marked || stage.IsWorker(os.Args) {
		main()
	}
	os.Exit(m.Run())
}
