// Reads what makes our images and what runs them on one machine, with the very code that builds and runs such files: BuildKit's
// reader and linter of Dockerfiles, its rules of what a .dockerignore lets in, and Compose's loader. It tells what it read as
// JSON; what that must be, tests/it/images.rs says. It builds nothing, starts nothing and asks no registry.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
)

type told struct {
	Dockerfile dockerfile      `json:"dockerfile"`
	Context    []string        `json:"context"`
	Compose    json.RawMessage `json:"compose"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: images ROOT")
	}
	read, err := read(context.Background(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(read); err != nil {
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
	return told{Dockerfile: dockerfile, Context: files, Compose: compose}, nil
}
