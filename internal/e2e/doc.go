// Package e2e tests what users run: the worker and the starter as processes of their own, against a real Temporal dev server
// and a simulated service. It holds tests only.
package e2e
