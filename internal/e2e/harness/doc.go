// Package harness is what the end-to-end tests are built from: the worker, the starter and a
// Temporal dev server as processes, a simulated service, waits, their histories, and checks of all
// of these. Only tests import it.
//
// With E2E_WORKFLOW_CACHE_SIZE=0 no worker keeps a workflow in memory between its workflow tasks,
// so that each of these is a replay: every test passes this way too. With E2E_RECORD_HISTORIES=1
// [RequireRecorded] records the histories that it compares otherwise.
package harness
