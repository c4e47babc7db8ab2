package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// One expression that is evaluated somewhere, taken apart.
type query struct {
	// The file, and the alert or panel in it.
	Where string `json:"where"`
	Expr  string `json:"expr"`
	// What a curve is called, where labels stand as {{label}}.
	Legend    string     `json:"legend"`
	Selectors []selector `json:"selectors"`
}

type selector struct {
	Metric string `json:"metric"`
	// Those that it is matched, grouped or joined by.
	Labels []string `json:"labels"`
}

type alert struct {
	Name        string            `json:"name"`
	Hold        string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// The rules, read as Prometheus reads them: its own reader refuses unknown keys, bad durations and templates that do not expand.
func readAlerts(root string) ([]alert, []query, error) {
	file, errs := rulefmt.ParseFile(filepath.Join(root, "helm", "specfuse", "alerts", "specfuse.yaml"), false)
	for _, err := range errs {
		return nil, nil, err
	}
	var alerts []alert
	var queries []query
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, alert{rule.Alert, rule.For.String(), rule.Labels, rule.Annotations})
			query, err := takeApart(rule.Alert, rule.Expr, "")
			if err != nil {
				return nil, nil, err
			}
			queries = append(queries, query)
		}
	}
	return alerts, queries, nil
}

type dashboard struct {
	Panels []struct {
		Title   string `json:"title"`
		Targets []struct {
			Expr   string `json:"expr"`
			Legend string `json:"legendFormat"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Name  string          `json:"name"`
			Type  string          `json:"type"`
			Query json.RawMessage `json:"query"`
		} `json:"list"`
	} `json:"templating"`
}

func readDashboards(root string) ([]query, error) {
	names, err := filepath.Glob(filepath.Join(root, "helm", "specfuse", "dashboards", "*.json"))
	if err != nil {
		return nil, err
	}
	var queries []query
	for _, name := range names {
		found, err := readDashboard(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		queries = append(queries, found...)
	}
	return queries, nil
}

func readDashboard(name string) ([]query, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var board dashboard
	if err := json.Unmarshal(text, &board); err != nil {
		return nil, err
	}
	var queries []query
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			query, err := takeApart(filepath.Base(name)+": "+panel.Title, target.Expr, target.Legend)
			if err != nil {
				return nil, err
			}
			queries = append(queries, query)
		}
	}
	for _, variable := range board.Templating.List {
		if variable.Type != "query" {
			continue
		}
		query, err := valuesOf(filepath.Base(name)+": $"+variable.Name, variable.Query)
		if err != nil {
			return nil, err
		}
		queries = append(queries, query)
	}
	return queries, nil
}

// The only kind of question that our variables ask.
var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

func valuesOf(where string, asked json.RawMessage) (query, error) {
	var question struct {
		Query string `json:"query"`
	}
	if err := json.Unmarshal(asked, &question); err != nil {
		return query{}, err
	}
	parts := labelValues.FindStringSubmatch(question.Query)
	if parts == nil {
		return query{}, fmt.Errorf("%s: not label_values(METRIC, LABEL): %s", where, question.Query)
	}
	return takeApart(where, "count by ("+parts[2]+") ("+parts[1]+")", "")
}

func takeApart(where, expr, legend string) (query, error) {
	// Grafana fills this in before Prometheus sees it.
	parsed, err := parser.ParseExpr(strings.ReplaceAll(expr, "$__rate_interval", "5m"))
	if err != nil {
		return query{}, fmt.Errorf("%s: %w", where, err)
	}
	apart := query{Where: where, Expr: expr, Legend: legend, Selectors: []selector{}}
	parser.Inspect(parsed, func(node parser.Node, above []parser.Node) error {
		if selected, ok := node.(*parser.VectorSelector); ok {
			apart.Selectors = append(apart.Selectors, selector{selected.Name, labelsOf(selected, above)})
		}
		return nil
	})
	return apart, nil
}

func labelsOf(selected *parser.VectorSelector, above []parser.Node) []string {
	used := []string{}
	for _, matcher := range selected.LabelMatchers {
		if matcher.Name != labels.MetricName {
			used = append(used, matcher.Name)
		}
	}
	for _, node := range above {
		switch node := node.(type) {
		case *parser.AggregateExpr:
			used = append(used, node.Grouping...)
		case *parser.BinaryExpr:
			if node.VectorMatching != nil {
				used = append(used, node.VectorMatching.MatchingLabels...)
			}
		}
	}
	slices.Sort(used)
	return slices.Compact(used)
}
