package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/temporal-providers/temporal-2captcha/internal/process"
)

// databaseUser owns the server's databases, and takes no password on loopback.
const databaseUser = "temporal"

// postgreSQL is an installation of it.
type postgreSQL struct {
	programs string   // the folder of them
	isReady  string   // the path of pg_isready, which a client's package has
	account  []string // the command that runs one under an account other than root, which PostgreSQL refuses
	uid, gid int      // of that account; -1: this process's
}

// PostgreSQLProgram returns the path of one of PostgreSQL's programs, such as psql. It looks on the
// PATH, and where Debian's packages have it. The error says what to install.
func PostgreSQLProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(debian) > 0 {
		return slices.MaxFunc(debian, func(a, b string) int { // 15 is above 9.6
			return cmp.Or(cmp.Compare(majorVersion(a), majorVersion(b)), cmp.Compare(a, b))
		}), nil
	}
	return "", errors.New("no PostgreSQL: install it (Debian: apt-get install postgresql)")
}

// majorVersion is that of the folder in which Debian has a program.
func majorVersion(path string) (version int) {
	_, _ = fmt.Sscanf(path, "/usr/lib/postgresql/%d", &version)
	return version
}

// environment is that of PostgreSQL's programs. Variables of its own would have them do something
// else.
func environment() []string {
	return process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "PG")
}

func findPostgreSQL() (postgreSQL, error) {
	path, err := PostgreSQLProgram("postgres")
	found := postgreSQL{programs: filepath.Dir(path), uid: -1, gid: -1}
	if err != nil {
		return found, err
	}
	if found.isReady, err = PostgreSQLProgram("pg_isready"); err != nil {
		return found, err
	}
	if os.Geteuid() != 0 {
		return found, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return found, fmt.Errorf("PostgreSQL does not run as root: %w; Debian's package makes that user", err)
	}
	found.account = []string{"setpriv", "--reuid=" + account.Uid, "--regid=" + account.Gid, "--clear-groups"}
	found.uid, _ = strconv.Atoi(account.Uid)
	found.gid, _ = strconv.Atoi(account.Gid)
	return found, nil
}

// run is the command line of one of its programs.
func (p postgreSQL) run(program string, arguments ...string) []string {
	return slices.Concat(p.account, []string{filepath.Join(p.programs, program)}, arguments)
}

// newDatabase makes an empty cluster of databases in the folder, and returns the command that
// serves it at the address.
func (p postgreSQL) newDatabase(ctx context.Context, folder, address string) (process.Command, error) {
	data := filepath.Join(folder, "postgresql")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Chown(data, p.uid, p.gid), os.Chmod(folder, 0o711)); err != nil {
		return process.Command{}, err
	}
	arguments := p.run("initdb", "--pgdata", data, "--auth", "trust", "--username", databaseUser, "--encoding", "UTF8", "--no-locale")
	initialize := process.Command{Path: arguments[0], Arguments: arguments[1:], Folder: data, Environment: environment()}
	if err := run(ctx, initialize); err != nil {
		return process.Command{}, fmt.Errorf("initdb: %w", err)
	}
	host, port, _ := net.SplitHostPort(address)
	serve := p.run("postgres", "-D", data, "-p", port, "-c", "listen_addresses="+host, "-c", "unix_socket_directories=",
		"-c", "max_connections=200")
	path, err := exec.LookPath(serve[0])
	return process.Command{
		Path: path, Arguments: serve[1:], Folder: data, Environment: environment(),
	}, err
}

// serves reports whether the databases at the address take connections, which they don't while
// PostgreSQL reads its log after a crash.
func (p postgreSQL) serves(ctx context.Context, address string) bool {
	host, port, _ := net.SplitHostPort(address)
	asking := exec.CommandContext(ctx, p.isReady, "--quiet", "--host", host, "--port", port)
	asking.Env = environment()
	return asking.Run() == nil
}

// setUpSchemas waits for PostgreSQL and makes the server's two databases.
func setUpSchemas(ctx context.Context, sqlTool string, database *Member) error {
	if err := database.waitUntilServing(ctx); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(database.cluster.Database())
	for name, schema := range map[string]string{
		storeName: "postgresql/v12/temporal", visibilityName: "postgresql/v12/visibility",
	} {
		for _, arguments := range [][]string{
			{"create"}, {"setup-schema", "-v", "0.0"}, {"update-schema", "--schema-name", schema},
		} {
			err := run(ctx, process.Command{
				Path: sqlTool,
				Arguments: append([]string{
					"--ep", host, "-p", port, "-u", databaseUser, "--pl", "postgres12", "--db", name,
				}, arguments...),
				Environment: process.EnvironmentWithout(os.Environ(), "TWOCAPTCHA_", "TEMPORAL_", "SQL_"),
			})
			if err != nil {
				return fmt.Errorf("temporal-sql-tool %s for %s: %w", arguments[0], name, err)
			}
		}
	}
	return nil
}
