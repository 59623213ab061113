// Command kubernetes checks Kubernetes manifests, without a cluster:
//
//	go run -C tools/kubernetes . ../../deploy/kubernetes ../../deploy/kubernetes/callbacks.yaml
//
// It takes files, and folders with a kustomization.yaml, which it renders. A property that the API
// does not have, a value of another type and a kind that it does not know are errors: it prints
// them, and exits 1.
//
// The schemas are those of the API's own description, in the module k8s.io/kubernetes that go.mod
// pins, and those of custom_resources.json.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

//go:embed custom_resources.json
var customResources []byte

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(paths []string, stdout, stderr io.Writer) int {
	if len(paths) == 0 {
		fmt.Fprintln(stderr, "kubernetes: give the files and the folders to check")
		return 2
	}
	folder, err := os.MkdirTemp("", "kubernetes-schemas-")
	if err != nil {
		fmt.Fprintln(stderr, "kubernetes:", err)
		return 2
	}
	defer os.RemoveAll(folder)
	validate, err := newValidator(folder)
	if err != nil {
		fmt.Fprintln(stderr, "kubernetes:", err)
		return 2
	}
	status := 0
	for _, path := range paths {
		count, err := check(validate, path)
		if err != nil {
			fmt.Fprintf(stdout, "%s: %v\n", path, err)
			status = 1
			continue
		}
		fmt.Fprintf(stdout, "%s: %d resources are valid\n", path, count)
	}
	return status
}

func newValidator(folder string) (validator.Validator, error) {
	if err := writeSchemas(folder); err != nil {
		return nil, err
	}
	return validator.New([]string{folder + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"}, validator.Opts{Strict: true})
}

// check returns how many resources the file or folder has, or an error for each that is wrong.
func check(validate validator.Validator, path string) (count int, err error) {
	manifests, err := read(path)
	if err != nil {
		return 0, err
	}
	var problems []error
	results := validate.Validate(path, io.NopCloser(bytes.NewReader(manifests)))
	for _, result := range results {
		count++
		problems = append(problems, problem(result))
		inner, err := embedded(result.Resource)
		if err == nil && inner != nil {
			err = problem(validate.ValidateResource(*inner))
		}
		problems = append(problems, err)
	}
	if count == 0 {
		return 0, errors.New("it has no resource")
	}
	return count, errors.Join(problems...)
}

// read renders a folder, and returns a file as it is.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return os.ReadFile(path)
	}
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		return nil, err
	}
	return rendered.AsYaml()
}

// problem is nil for a valid resource.
func problem(result validator.Result) error {
	if result.Status == validator.Valid {
		return nil
	}
	name := "a resource"
	if signature, err := result.Resource.Signature(); err == nil {
		name = signature.Kind + " " + signature.Name
	}
	if result.Err == nil {
		return fmt.Errorf("%s: it was not checked", name)
	}
	return fmt.Errorf("%s: %w", name, result.Err)
}

// embedded returns the resource that a WorkerResourceTemplate makes for each version, or nil for
// other kinds.
func embedded(outer resource.Resource) (*resource.Resource, error) {
	var content struct {
		Kind string
		Spec struct{ Template json.RawMessage }
	}
	if err := yaml.Unmarshal(outer.Bytes, &content); err != nil || content.Kind != "WorkerResourceTemplate" {
		return nil, err
	}
	return &resource.Resource{Path: outer.Path, Bytes: content.Spec.Template}, nil
}
