// Package e2e tests what users run: the worker and the starter as processes of their own, against a real Temporal dev server
// and a simulated service. It holds tests only.
//
// With E2E_WORKFLOW_CACHE_SIZE=0 no worker of theirs keeps a workflow in memory between its tasks: all of them pass so too. With
// E2E_RECORD_HISTORIES=1 TestHistory records the histories that it compares otherwise.
package e2e
