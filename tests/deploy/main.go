// Reads what makes our images, what runs them on one machine and what watches them, with the very code that builds, runs and
// evaluates such files: BuildKit's reader and linter of Dockerfiles, its rules of what a .dockerignore lets in, Compose's loader,
// Prometheus's readers of rules and of expressions. It tells what it read as JSON; what that must be, tests/it/deploy says. It
// builds nothing, starts nothing and asks no registry.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
)

type told struct {
	Dockerfile dockerfile `json:"dockerfile"`
	// The files that reach the builder.
	Context []string        `json:"context"`
	Compose json.RawMessage `json:"compose"`
	Alerts  []alert         `json:"alerts"`
	Queries []query         `json:"queries"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: deploy ROOT")
	}
	told, err := read(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		log.Fatal(err)
	}
}

func read(ctx context.Context, root string) (told, error) {
	dockerfile, err := readDockerfile(ctx, root)
	if err != nil {
		return told{}, err
	}
	files, err := buildContext(ctx, root)
	if err != nil {
		return told{}, err
	}
	compose, err := readCompose(ctx, root)
	if err != nil {
		return told{}, err
	}
	alerts, queries, err := readAlerts(root)
	if err != nil {
		return told{}, err
	}
	shown, err := readDashboards(root)
	if err != nil {
		return told{}, err
	}
	return told{dockerfile, files, compose, alerts, append(queries, shown...)}, nil
}
