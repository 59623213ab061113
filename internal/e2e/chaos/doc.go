// Package chaos waits for many tasks, and submits others, while workers are killed, terminated and
// frozen, the Temporal server is killed and started again on its database, and the service fails
// one request in five and is down over the deadlines of a quarter of the tasks. It holds a test and
// the command that runs it.
package chaos

import "fmt"

// Command runs the test. The same form, server and seed make the same plan.
func Command(long, onCluster bool, seed uint64) string {
	server := ""
	if onCluster {
		server = "-chaos.cluster "
	}
	return fmt.Sprintf("go test ./internal/e2e/chaos -run '^TestChaos$' -v -timeout 20m %s-chaos.long=%t -chaos.seed=%d", server, long, seed)
}
