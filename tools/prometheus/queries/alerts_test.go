package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	deploy  = "../../../deploy/prometheus/"
	runbook = "https://github.com/temporal-providers/temporal-2captcha/blob/main/docs/operations.md#"
)

type rules struct {
	Groups []struct {
		Rules []struct {
			Alert       string
			Annotations struct {
				Runbook string `yaml:"runbook_url"`
			}
		}
	}
}

type ruleTests struct {
	Tests []struct {
		Alerts []struct {
			Name     string `yaml:"alertname"`
			Expected []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

// Whoever is paged by an alert finds what it means, and that it fires was seen.
func TestEachAlertHasARunbookAndATest(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings []string
	for _, heading := range regexp.MustCompile(`(?m)^### (Twocaptcha\w+)$`).FindAllStringSubmatch(string(page), -1) {
		headings = append(headings, heading[1])
	}
	var tested ruleTests
	decode(t, deploy+"alerts_test.yaml", &tested)
	var fires []string
	for _, test := range tested.Tests {
		for _, alert := range test.Alerts {
			if len(alert.Expected) > 0 {
				fires = append(fires, alert.Name)
			}
		}
	}
	var alerts rules
	decode(t, deploy+"alerts.yaml", &alerts)
	var names []string
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			names = append(names, rule.Alert)
			if want := runbook + strings.ToLower(rule.Alert); rule.Annotations.Runbook != want {
				t.Errorf("%s has the runbook %s, want %s", rule.Alert, rule.Annotations.Runbook, want)
			}
			if !slices.Contains(fires, rule.Alert) {
				t.Errorf("%s fires in no test", rule.Alert)
			}
		}
	}
	if !slices.Equal(names, headings) || len(names) == 0 {
		t.Errorf("the alerts are %v, and the runbook has %v", names, headings)
	}
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
