package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const deploy = "../../deploy/kubernetes"

// Each fault is put into a copy of the manifests as they are.
func TestFaultsAreRefused(t *testing.T) {
	validate, err := newValidator(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]struct{ folder, file, right, wrong string }{
		"nothing":                         {".", "deployment.yaml", "", ""},
		"nothing, with the controller":    {"worker-controller", "worker-controller/connection.yaml", "", ""},
		"a misspelled probe":              {".", "deployment.yaml", "readinessProbe:", "readynessProbe:"},
		"a misspelled security setting":   {".", "deployment.yaml", "readOnlyRootFilesystem", "readonlyRootFilesystem"},
		"a number as a string":            {".", "deployment.yaml", "replicas: 2", `replicas: "2"`},
		"a property twice":                {".", "deployment.yaml", "replicas: 2", "replicas: 2\n  replicas: 3"},
		"a property of another version":   {".", "pod-disruption-budget.yaml", "maxUnavailable", "maximumUnavailable"},
		"a misspelled policy":             {".", "common/network-policy.yaml", "egress:", "outgress:"},
		"a misspelled monitor":            {".", "common/service-monitor.yaml", "honorLabels", "honourLabels"},
		"an unknown kind":                 {".", "common/service.yaml", "kind: Service", "kind: Servise"},
		"a file that is not there":        {".", "kustomization.yaml", "deployment.yaml", "deploymint.yaml"},
		"a misspelled kustomization":      {".", "kustomization.yaml", "newTag", "newTagg"},
		"a Temporal kind of old":          {"worker-controller", "worker-controller/connection.yaml", "kind: Connection", "kind: TemporalConnection"},
		"an address without a port":       {"worker-controller", "worker-controller/connection.yaml", ":7233", ""},
		"a misspelled gate":               {"worker-controller", "worker-controller/worker-deployment.yaml", "workflowType:", "workflow:"},
		"a strategy that does not exist":  {"worker-controller", "worker-controller/worker-deployment.yaml", "Progressive", "Canary"},
		"a ramp of 100 %":                 {"worker-controller", "worker-controller/worker-deployment.yaml", "rampPercentage: 50", "rampPercentage: 100"},
		"a misspelled sunset":             {"worker-controller", "worker-controller/worker-deployment.yaml", "deleteDelay", "deletionDelay"},
		"a misspelled pod of a version":   {"worker-controller", "worker-controller/worker-deployment.yaml", "livenessProbe", "lifenessProbe"},
		"a misspelled budget of versions": {"worker-controller", "worker-controller/worker-resource-template.yaml", "maxUnavailable", "maxUnavailible"},
		"a template of an unknown kind":   {"worker-controller", "worker-controller/worker-resource-template.yaml", "PodDisruptionBudget", "PodDisruption"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(deploy)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(folder, fault.file)
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(content, []byte(fault.right)) {
				t.Fatalf("%s has no %q", fault.file, fault.right)
			}
			changed := strings.ReplaceAll(string(content), fault.right, fault.wrong)
			if fault.right == "" {
				changed = string(content)
			}
			if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = check(validate, filepath.Join(folder, fault.folder))
			if (err != nil) != (fault.right != "") {
				t.Errorf("%v", err)
			}
		})
	}
}

// A rolling update ends the old version's pods, and Worker Versioning still sends them waits.
func TestPlainDeploymentHasNoVersions(t *testing.T) {
	rendered, err := read(deploy)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"} {
		if bytes.Contains(rendered, []byte(variable)) {
			t.Errorf("it sets %s", variable)
		}
	}
}

// The pods of both variants are the same, except for what the controller sets.
func TestBothVariantsRunTheSamePod(t *testing.T) {
	plain := podTemplate(t, "deployment.yaml")
	versioned := podTemplate(t, "worker-controller/worker-deployment.yaml")
	for _, injected := range []string{
		"            - name: TEMPORAL_ADDRESS\n              value: temporal-frontend.temporal:7233\n",
		"            - name: TEMPORAL_NAMESPACE\n              value: default\n",
	} {
		plain = strings.Replace(plain, injected, "", 1)
	}
	versioned = regexp.MustCompile(`(image: \S+):\S+`).ReplaceAllString(versioned, "$1")
	if plain != versioned {
		t.Errorf("deployment.yaml has:\n%s\nworker-deployment.yaml has:\n%s", plain, versioned)
	}
}

func podTemplate(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deploy, file))
	if err != nil {
		t.Fatal(err)
	}
	_, template, found := strings.Cut(string(content), "\n  template:\n")
	if !found {
		t.Fatalf("%s has no template", file)
	}
	return template
}
