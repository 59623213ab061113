package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The definitions of Kubernetes's API that have no schema of their own that fits.
var written = map[string]schema{
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString":               {"type": []any{"string", "integer"}},
	"io.k8s.apimachinery.pkg.api.resource.Quantity":                 {"type": []any{"string", "number"}},
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1":                 {"type": "object"},
	"io.k8s.apimachinery.pkg.runtime.RawExtension":                  {"type": "object"},
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": {},
}

type schema = map[string]any

// writeSchemas writes a JSON Schema for each kind into the folder, under the name that kubeconform
// looks for.
func writeSchemas(folder string) error {
	definitions, err := kubernetesDefinitions()
	if err != nil {
		return err
	}
	var custom struct{ Definitions map[string]schema }
	if err := json.Unmarshal(customResources, &custom); err != nil {
		return fmt.Errorf("custom_resources.json: %w", err)
	}
	for name, definition := range custom.Definitions {
		definitions[name] = definition
	}
	for name, definition := range written {
		definitions[name] = definition
	}
	for _, definition := range definitions {
		closeObjects(definition)
	}
	for name, definition := range definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 { // the options of API calls, which every group has
			continue
		}
		if err := writeSchema(folder, kinds[0].(schema), name, definitions); err != nil {
			return err
		}
	}
	return nil
}

func kubernetesDefinitions() (map[string]schema, error) {
	command := exec.Command("go", "mod", "download", "-json", "k8s.io/kubernetes")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("the module k8s.io/kubernetes, which has the schemas: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(output, &module); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(module.Dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return nil, err
	}
	var api struct{ Definitions map[string]schema }
	if err := json.Unmarshal(content, &api); err != nil {
		return nil, err
	}
	return api.Definitions, nil
}

// closeObjects has every object with properties refuse other ones.
func closeObjects(node any) {
	switch node := node.(type) {
	case schema:
		_, closed := node["additionalProperties"]
		if _, isObject := node["properties"].(schema); isObject && !closed {
			node["additionalProperties"] = false
		}
		for _, inner := range node {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range node {
			closeObjects(inner)
		}
	}
}

// writeSchema writes the definition with those that it refers to.
func writeSchema(folder string, kind schema, name string, definitions map[string]schema) error {
	group, version, kindName := kind["group"].(string), kind["version"].(string), kind["kind"].(string)
	used := map[string]schema{}
	collect(definitions, used, name)
	content, err := json.Marshal(schema{"$ref": "#/definitions/" + name, "definitions": used})
	if err != nil {
		return err
	}
	file := strings.ToLower(kindName) + "-" + version + ".json"
	if group != "" {
		file = strings.ToLower(kindName) + "-" + strings.Split(group, ".")[0] + "-" + version + ".json"
	}
	return os.WriteFile(filepath.Join(folder, file), content, 0o600)
}

func collect(definitions, used map[string]schema, name string) {
	if _, done := used[name]; done {
		return
	}
	used[name] = definitions[name]
	for _, reference := range references(definitions[name]) {
		collect(definitions, used, reference)
	}
}

func references(node any) (names []string) {
	switch node := node.(type) {
	case schema:
		for key, inner := range node {
			if reference, isReference := inner.(string); key == "$ref" && isReference {
				names = append(names, strings.TrimPrefix(reference, "#/definitions/"))
				continue
			}
			names = append(names, references(inner)...)
		}
	case []any:
		for _, inner := range node {
			names = append(names, references(inner)...)
		}
	}
	return names
}
