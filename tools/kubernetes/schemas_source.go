//go:build tools

package main

// The module has the schemas, and no Go code that is needed here: this import has go.mod pin it.
import _ "k8s.io/kubernetes/pkg/util/slice"
