package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/temporal-providers/temporal-2captcha/internal/devserver"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/chaos"
	"github.com/temporal-providers/temporal-2captcha/internal/e2e/harness"
	"github.com/temporal-providers/temporal-2captcha/internal/simulator"
	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const repository = "../.."

// The pages' own values. Their blocks run with other values in place of these.
const (
	readmeTaskID      = "74372499131"
	readmeOtherTaskID = "74372499132"
	readmeOrder       = "order-17"
	readmeOtherOrder  = "order-18"
	readmeKey         = "your-client-key"
	readmeKeyFile     = "/run/secrets/2captcha"
	readmeSecretFile  = "/run/secrets/2captcha-callback"
	readmeAddress     = "localhost:7233"
	readmeDeployment  = "2captcha"
	readmeListens     = "TWOCAPTCHA_CALLBACK_ADDRESS=:8080"
)

// newTaskSolution is of the tasks that the blocks submit.
const newTaskSolution = `{"text":"hello world"}`

// readmeLines is how long the README may be: it is for somebody who has five minutes.
const readmeLines = 150

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(readme), "\n"), readmeLines, "move what not everybody needs to docs/")
}

// TestReadmeGo compiles every block of Go, each as a package of its own, in another module that
// requires this one.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	module := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(module, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	// The other module requires what this one does, so that the modules are there already.
	requirements := strings.Replace(readmeFile(t, "go.mod"), "module "+readmeModule+"\n", "module readme.example\n", 1)
	write("go.mod", fmt.Sprintf("%s\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n", requirements, readmeModule, root))
	write("go.sum", readmeFile(t, "go.sum"))
	folders := map[string]string{}
	for i, block := range readmeBlocks(t, "go") {
		folder := fmt.Sprintf("block%d", i)
		folders[folder] = block.place
		write(filepath.Join(folder, "block.go"), goFile(block.text))
	}
	require.NotEmpty(t, folders)

	build := exec.Command("go", "build", "./...")
	build.Dir = module
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "a Go block does not compile, of %v:\n%s", folders, output)
}

const readmeModule = "github.com/temporal-providers/temporal-2captcha"

// goFile is the block or, if that has no package clause, a file with the block and the imports that
// it uses.
func goFile(block string) string {
	if strings.HasPrefix(block, "package ") {
		return block
	}
	var file strings.Builder
	file.WriteString("package block\n\n")
	for _, path := range []string{
		"encoding/json", "os", "time", "go.temporal.io/api/enums/v1", "go.temporal.io/sdk/client", "go.temporal.io/sdk/worker", "go.temporal.io/sdk/workflow",
		readmeModule + "/provider", readmeModule + "/twocaptcha", readmeModule + "/workflows",
	} {
		name := path[strings.LastIndexByte(path, '/')+1:]
		if name == "v1" {
			name = "enumspb"
		}
		if regexp.MustCompile(`\b` + name + `\.`).MatchString(block) {
			fmt.Fprintf(&file, "import %s %q\n", name, path)
		}
	}
	return file.String() + "\n" + block
}

// TestReadmeShell runs every block of shell commands against a simulated service, or compares it
// with what it stands for if it takes too long.
func TestReadmeShell(t *testing.T) {
	t.Parallel()
	service, err := simulator.Start(simulator.Options{ClientKey: harness.ClientKey})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	keyFile := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(keyFile, []byte(harness.ClientKey+"\n"), 0o600))
	secretFile := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secretFile, []byte("a secret of 32 random characters"), 0o600))
	tools := t.TempDir()
	cliPath, err := exec.LookPath(harness.CLI())
	require.NoError(t, err)
	cliPath, err = filepath.Abs(cliPath)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(cliPath, filepath.Join(tools, "temporal")))

	// shell starts a block with two tasks of its own that are ready at their first poll.
	shell := func(t *testing.T, block string, environment ...string) *harness.Process {
		taskID, otherTaskID := harness.NewTaskID(), harness.NewTaskID()
		service.Script(taskID, simulator.Ready(`{"token":"abc"}`))
		service.Script(otherTaskID, simulator.Ready(`"8"`))
		block = strings.NewReplacer(
			readmeTaskID, fmt.Sprint(taskID), readmeOtherTaskID, fmt.Sprint(otherTaskID),
			readmeOrder, fmt.Sprint("order-", taskID), readmeOtherOrder, fmt.Sprint("order-", otherTaskID),
			readmeKey, harness.ClientKey, readmeSecretFile, secretFile, readmeKeyFile, keyFile,
			readmeListens, "TWOCAPTCHA_CALLBACK_ADDRESS=127.0.0.1:0", readmeAddress, harness.Address(),
			"go run ./worker", "exec "+harness.WorkerPath(), // go run would leave its worker behind
		).Replace(block)
		return harness.StartProcess(t, harness.Command{
			Path: "/bin/sh", Arguments: []string{"-e", "-c", "cd " + repository + "\n" + block},
			Environment: append([]string{
				"PATH=" + tools + ":" + os.Getenv("PATH"), "TEMPORAL_CLI=" + cliPath, "TWOCAPTCHA_API_URL=" + service.URL(),
			}, environment...),
		})
	}
	devServer := func(t *testing.T, block, solution string) {
		goCache, err := exec.Command("go", "env", "GOCACHE").Output()
		require.NoError(t, err)
		done := shell(t, block, "XDG_CACHE_HOME="+t.TempDir(), "GOCACHE="+strings.TrimSpace(string(goCache))).Wait(t)
		require.Equal(t, 0, done.Status, done.Stderr)
		require.Contains(t, done.Stdout, `"solution":`+solution)
	}
	allTests := func(t *testing.T, block string) {
		require.Equal(t, "go test ./...\n", block, "this test is part of it")
		require.Contains(t, readmeFile(t, ".ci/run"), "go test -race ./...", "the command, with the race detector")
	}
	// The worker serves the blocks that start waits. It runs until the last of them has ended.
	worker := shell(t, readmeBlock(t, "sh", "docs/operations.md: Run the worker"))

	checks := map[string]func(t *testing.T, block string){
		"README.md: Solve a captcha": func(t *testing.T, block string) {
			devServer(t, block, newTaskSolution)
		},
		"README.md: Try it without an account": func(t *testing.T, block string) {
			done := shell(t, block).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stderr, "Web UI: http://127.0.0.1:")
			shown := readmeBlock(t, "json", "README.md: Try it without an account")
			require.Equal(t, outcomes(t, shown), outcomes(t, done.Stdout), "the README shows another run")
		},
		"README.md: Run the tests": allTests,
		"README.md: Use it in your worker": func(t *testing.T, block string) {
			require.Equal(t, "go get "+readmeModule+"/provider\n", block, "it needs a release to run")
			require.Contains(t, readmeFile(t, "go.mod"), "module "+readmeModule+"\n")
		},
		"docs/operations.md: Try a real task without a server": func(t *testing.T, block string) {
			devServer(t, block, `{"token":"abc"}`)
		},
		"docs/operations.md: Run the worker": func(t *testing.T, _ string) {
			worker.WaitForOutput(t, "worker started")
		},
		"docs/operations.md: Rotate the client key": func(t *testing.T, block string) {
			folder := t.TempDir()
			done := shell(t, strings.ReplaceAll(block, "/run/secrets", folder), "NEW_KEY=new").Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			key, err := os.ReadFile(filepath.Join(folder, "2captcha"))
			require.NoError(t, err)
			require.Equal(t, "new\n", string(key))
		},
		"docs/operations.md: Wait for tasks from the command line": func(t *testing.T, block string) {
			done := shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"solution":"8"`)
		},
		"docs/operations.md: Share the limit between tenants": func(t *testing.T, block string) {
			done := shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"solution":"8"`)
		},
		"docs/operations.md: Verify the build": func(t *testing.T, block string) {
			server := harness.StartServer(t, devserver.Options{}) // the shared one has the waits of other tests
			done := shell(t, strings.Replace(block, readmeAddress, server.Address(), 1)).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Equal(t, lastLine(0, 0, 0)+"\n", done.Stdout)
		},
		"docs/operations.md: Move the traffic": func(t *testing.T, block string) {
			r := newRolloutOf(t, readmeDeployment)
			r.startVersion(t, harness.WorkerPath(), "1")
			r.setCurrent(t, "1")
			r.startVersion(t, harness.WorkerPath(), "2")
			done := shell(t, block, "TEMPORAL_ADDRESS="+r.server.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, "DrainageStatus")
			require.Equal(t, "2", r.current(t))
		},
		"docs/operations.md: Roll back": func(t *testing.T, block string) {
			r := newRolloutOf(t, readmeDeployment)
			r.startVersion(t, harness.WorkerPath(), "1")
			r.startVersion(t, harness.WorkerPath(), "2")
			r.setCurrent(t, "2")
			done := shell(t, block, "TEMPORAL_ADDRESS="+r.server.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Equal(t, "1", r.current(t))
		},
		"docs/operations.md: With Docker": func(t *testing.T, block string) {
			// .ci/image builds and runs the image without Docker.
			build, _, _ := strings.Cut(block, " --tag")
			require.Equal(t, "docker build --build-arg COMMIT=\"$(git describe --always --abbrev=40 --exclude='*' --dirty)\"", build)
			require.Contains(t, readmeFile(t, ".ci/image"), "git describe --always --abbrev=40 --exclude='*' --dirty")
			require.Contains(t, readmeFile(t, "Dockerfile"), "ARG COMMIT\n")
		},
		"docs/operations.md: On Kubernetes": func(t *testing.T, block string) {
			require.Contains(t, block, "kubectl apply -k deploy/kubernetes\n")
			require.Contains(t, readmeFile(t, "deploy/kubernetes/kustomization.yaml"), "- deployment.yaml\n")
			secret := regexp.MustCompile(`create secret generic (\S+) --from-file=(\S+)=`).FindStringSubmatch(block)
			require.Len(t, secret, 3)
			deployment := readmeFile(t, "deploy/kubernetes/deployment.yaml")
			require.Contains(t, deployment, "secretName: "+secret[1]+"\n")
			require.Contains(t, deployment, "- key: "+secret[2]+"\n")
		},
		"docs/solve.md: From the command line": func(t *testing.T, block string) {
			done := shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Equal(t, 2, strings.Count(done.Stdout, `"solution":`+newTaskSolution), done.Stdout)
			require.Contains(t, done.Stdout, `{"balance":"`)
		},
		"docs/solve.md: From any SDK or tool": func(t *testing.T, block string) {
			done := harness.UnlessBusy(func() harness.Finished {
				return shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			})
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"state":"ready"`)
		},
		"docs/solve.md: Encrypt the task": func(t *testing.T, block string) {
			// Nobody could replay these histories without the key.
			server := harness.StartServer(t, devserver.Options{})
			done := shell(t, block, "TEMPORAL_ADDRESS="+server.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Equal(t, newTaskSolution+"\n", done.Stdout)
		},
		"docs/tasks.md: Image": func(t *testing.T, block string) {
			block = strings.Replace(block, "captcha.png", "docs/wait.png", 1)
			done := shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"solution":`+newTaskSolution)
		},
		"docs/input.md: From any SDK or tool": func(t *testing.T, block string) {
			done := harness.UnlessBusy(func() harness.Finished {
				return shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			})
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, done.Stdout, `"state":"ready"`)
		},
		"docs/nexus.md: Create the endpoint": func(t *testing.T, block string) {
			done := shell(t, block, "TEMPORAL_ADDRESS="+harness.Address()).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
		},
		"docs/callbacks.md: Let the worker take callbacks": func(t *testing.T, block string) {
			require.Contains(t, block, readmeListens)
			process := shell(t, block)
			process.WaitForOutput(t, "callbacks are taken")
			process.WaitForOutput(t, "worker started")
		},
		"docs/callbacks.md: Submit a task with a callback address": func(t *testing.T, block string) {
			done := shell(t, block).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Regexp(t, `^https://captcha\.example\.com/hooks/\S+\n$`, done.Stdout)
		},
		"docs/performance.md: Run the benchmarks": func(t *testing.T, block string) {
			// Either takes more than 10 minutes; package bench has tests of both.
			require.Equal(t, "go run ./bench\ngo run ./bench --scale\n", block)
		},
		"docs/performance.md: Measure your own cluster": func(t *testing.T, block string) {
			const there = "go run ./bench --address temporal.example:7233 --namespace load"
			require.Equal(t, there+"\n"+there+" --scale\n", block) // package bench has tests of both
		},
		"docs/scale.md: What many tasks need": func(t *testing.T, block string) {
			done := shell(t, block).Wait(t)
			require.Equal(t, 0, done.Status, done.Stderr)
			require.Contains(t, readmeFile(t, "docs/scale.md"), done.Stdout)
		},
		"docs/scale.md: Measure it yourself": func(t *testing.T, block string) {
			// These take half an hour and more; package bench has tests of such runs on a dev server.
			require.Equal(t, "go run ./bench --costs --cluster --json > figures.json\n"+
				"go run ./bench --size --figures figures.json\n"+
				"go run ./bench --scale --cluster --waits 10000,30000 --workers 1 --poll-interval 30m --hold 4m --profiles profiles\n", block)
		},
		"docs/reliability.md: The chaos run": func(t *testing.T, block string) {
			// It takes minutes; its short form is a test of its own.
			require.Equal(t, chaos.Command(true, false, 1)+"\n", block)
		},
		"docs/other-languages.md: TypeScript": func(t *testing.T, block string) {
			// .ci/run runs it, if there is Node.js.
			for _, command := range []string{"cd examples/typescript", "npm ci", "npm test"} {
				require.Contains(t, block, command)
				require.Contains(t, readmeFile(t, ".ci/run"), command)
			}
		},
		"CONTRIBUTING.md: Set up": allTests,
		"CONTRIBUTING.md: Checks": func(t *testing.T, block string) {
			// It runs this test.
			lines := strings.Split(block, "\n")
			script, err := os.Stat(filepath.Join(repository, lines[0]))
			require.NoError(t, err)
			require.NotZero(t, script.Mode()&0o100, "it can't be executed")
		},
		"CONTRIBUTING.md: Benchmarks": func(t *testing.T, block string) {
			// Once each is enough to see that all of them run.
			done := shell(t, strings.Replace(block, "-bench .", "-benchtime 1x -bench .", 1)).Wait(t)
			require.Equal(t, 0, done.Status, done.Stdout+done.Stderr)
			require.GreaterOrEqual(t, strings.Count(done.Stdout, "\nBenchmark"), 3)
		},
		"CONTRIBUTING.md: Compare the simulator with the real service": func(t *testing.T, block string) {
			done := shell(t, block).Wait(t)
			require.Equal(t, 0, done.Status, done.Stdout+done.Stderr)
			require.Contains(t, done.Stdout, "now one text task is bought")
		},
		"CONTRIBUTING.md: On a cluster": func(t *testing.T, block string) {
			// These take half an hour, and need PostgreSQL.
			require.Equal(t, "go test ./internal/cluster -timeout 40m -cluster\ngo test ./internal/e2e -timeout 40m -e2e.cluster\n"+
				chaos.Command(true, true, 1)+"\n", block)
		},
		"CONTRIBUTING.md: Random schedules": func(t *testing.T, block string) {
			// A hundred are enough to see that it runs.
			done := shell(t, strings.Replace(block, "-schedules 100000", "-schedules 100", 1)).Wait(t)
			require.Equal(t, 0, done.Status, done.Stdout+done.Stderr)
		},
		"CONTRIBUTING.md: Recorded histories": func(t *testing.T, block string) {
			// It would record them.
			require.Equal(t, "E2E_RECORD_HISTORIES=1 go test ./internal/e2e -run TestHistory\n", block)
		},
	}
	blocks := slices.DeleteFunc(readmeBlocks(t, "sh"), func(block codeBlock) bool { return block.page() == temporalCLIPage })
	requireChecked(t, blocks, slices.Collect(maps.Keys(checks)))
	for _, block := range blocks {
		t.Run(block.place, func(t *testing.T) {
			t.Parallel()
			checks[block.place](t, block.text)
		})
	}
}

// TestReadmeJSON checks that every block of JSON is JSON, and that it has only properties that
// exist.
func TestReadmeJSON(t *testing.T) {
	t.Parallel()
	strictly := func(into any) func(*testing.T, string) {
		return func(t *testing.T, block string) {
			decoder := json.NewDecoder(strings.NewReader(block))
			decoder.DisallowUnknownFields()
			require.NoError(t, decoder.Decode(into))
		}
	}
	isTask := func(t *testing.T, block string) {
		require.NoError(t, workflows.SolveTaskInput{Task: json.RawMessage(block)}.Validate())
	}
	checks := map[string]func(t *testing.T, block string){
		"README.md: Try it without an account": func(t *testing.T, block string) {
			require.Len(t, outcomes(t, block), 5)
		},
		"docs/solve.md: Input": func(t *testing.T, block string) {
			var in workflows.SolveTaskInput
			require.NoError(t, json.Unmarshal([]byte(block), &in))
			require.NoError(t, in.Validate())
		},
		"docs/solve.md: Output":       strictly(new(workflows.SolveTaskOutput)),
		"docs/solve.md: Status":       strictly(new(workflows.SolveTaskStatus)),
		"docs/tasks.md: Image":        isTask,
		"docs/tasks.md: Text":         isTask,
		"docs/tasks.md: reCAPTCHA v2": isTask,
		"docs/tasks.md: reCAPTCHA v3": isTask,
		"docs/tasks.md: hCaptcha":     isTask,
		"docs/tasks.md: Turnstile":    isTask,
		"docs/input.md: Input": func(t *testing.T, block string) {
			var in workflows.AwaitTaskResultInput
			require.NoError(t, json.Unmarshal([]byte(block), &in))
			require.NoError(t, in.Validate())
		},
		"docs/input.md: Output": strictly(new(workflows.AwaitTaskResultOutput)),
		"docs/input.md: Status": strictly(new(workflows.AwaitTaskResultStatus)),
	}
	blocks := readmeBlocks(t, "json")
	requireChecked(t, blocks, slices.Collect(maps.Keys(checks)))
	for _, block := range blocks {
		t.Run(block.place, func(t *testing.T) {
			t.Parallel()
			checks[block.place](t, block.text)
		})
	}
}

// TestReadmeLinks follows every link from a page to a file of the repository, and to a heading in
// it.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	for _, page := range readmePages(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(readmeFile(t, page), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			file, heading, _ := strings.Cut(link[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			content := readmeFile(t, target)
			if heading != "" {
				require.Contains(t, anchors(content), heading, "%s links to %s", page, link[1])
			}
		}
	}
}

// anchors are what links call the headings of a page.
func anchors(page string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		words := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(words, " ", "-"))
	}
	return all
}

// notRun are languages whose registries the tests don't reach.
var notRun = []string{"python", "java", "csharp"}

// TestReadmeOtherLanguages checks that blocks in TypeScript are from the example, which is run, and
// that headings say of what is not run that it is not.
func TestReadmeOtherLanguages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(repository, "examples", "typescript", "src", "*.ts"))
	require.NoError(t, err)
	var example strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		example.Write(content)
	}
	blocks := readmeBlocks(t, "typescript")
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		require.Contains(t, example.String(), block.text, "%s is not what the example has", block.place)
	}
	for _, language := range notRun {
		for _, block := range readmeBlocks(t, language) {
			require.True(t, strings.HasSuffix(block.place, "(not run)"), block.place)
		}
	}
}

// codeBlock is a code block of a page. Its place is the page and the heading above it.
type codeBlock struct{ place, language, text string }

func (b codeBlock) page() string {
	page, _, _ := strings.Cut(b.place, ": ")
	return page
}

// requireChecked fails if a block has no check, or a check has no block.
func requireChecked(t *testing.T, blocks []codeBlock, checked []string) {
	t.Helper()
	var places []string
	for _, block := range blocks {
		places = append(places, block.place)
	}
	require.ElementsMatch(t, checked, places, "each code block has one check, by the heading above it")
}

// readmeBlock returns the only block of a language under a heading.
func readmeBlock(t *testing.T, language, place string) string {
	t.Helper()
	var found []string
	for _, block := range readmeBlocks(t, language) {
		if block.place == place {
			found = append(found, block.text)
		}
	}
	require.Len(t, found, 1, "blocks of %s: %s", language, place)
	return found[0]
}

// readmeBlocks returns the code blocks of a language in all pages.
func readmeBlocks(t *testing.T, language string) []codeBlock {
	t.Helper()
	var blocks []codeBlock
	for _, page := range readmePages(t) {
		var heading string
		var block *codeBlock // the one that the line is in
		for line := range strings.Lines(readmeFile(t, page)) {
			fence, isFence := strings.CutPrefix(line, "```")
			switch {
			case block != nil && !isFence:
				block.text += line
			case block != nil:
				if block.language == language {
					blocks = append(blocks, *block)
				}
				block = nil
			case isFence:
				block = &codeBlock{place: page + ": " + heading, language: strings.TrimSpace(fence)}
				require.Contains(t, append([]string{"go", "sh", "json", "typescript", "text"}, notRun...), block.language, "no test looks at such a block: %s", block.place)
			case strings.HasPrefix(line, "#"):
				heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
			}
		}
		require.Nil(t, block, "a code block of %s has no end", page)
	}
	return blocks
}

// readmePages are the pages for readers, relative to the repository.
func readmePages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md"} {
		files, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		for _, file := range files {
			page, err := filepath.Rel(repository, file)
			require.NoError(t, err)
			pages = append(pages, page)
		}
	}
	return pages
}

// readmeFile is the content of a file of the repository.
func readmeFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, path))
	require.NoError(t, err)
	return string(content)
}

// outcomes are the demo's objects by task, without their times, which are another run's, and their
// polls, which are fewer if a busy machine makes them late.
func outcomes(t *testing.T, lines string) map[string]map[string]any {
	t.Helper()
	byTask := map[string]map[string]any{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		delete(object, "createTime")
		delete(object, "endTime")
		delete(object, "polls")
		byTask[fmt.Sprint(object["workflowId"])] = object
	}
	return byTask
}
