// Package e2e tests what users run: the worker and the starter as processes of their own, against a
// real Temporal dev server and a simulated service. It holds tests only. A file's first word is its
// topic:
//
//   - worker_: what a worker does when it is killed, frozen, stopped or limited
//   - input_: what people give to the starter, to the workflow and to its signal
//   - answer_: what the service answers, and what becomes of it
//   - callback_: the service's calls
//   - history_: the events that a wait is made of, compared with those on record
//   - wait_: how a wait is started from elsewhere, canceled and ended
//   - nexus_: callers through Nexus, from another namespace and from the same one
//   - starter_: the command itself
//   - web_ui_: what people see in a browser
//
// What the tests have in common, and the environment variables that they read, is in package
// harness. The chaos run is package chaos.
package e2e
