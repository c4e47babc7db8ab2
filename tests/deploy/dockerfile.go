package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type dockerfile struct {
	// What the linter says, and what it could not read.
	Warnings []string `json:"warnings"`
	// Defaults of the arguments before the first stage.
	Arguments map[string]string `json:"arguments"`
	Stages    []stage           `json:"stages"`
}

type stage struct {
	Name         string        `json:"name"`
	Base         string        `json:"base"`
	Instructions []instruction `json:"instructions"`
}

type instruction struct {
	Kind string `json:"kind"`
	Line int    `json:"line"`
	// Of RUN and ENTRYPOINT the command, of COPY the sources, of USER, WORKDIR and ARG the one word.
	Words []string `json:"words"`
	// RUN and ENTRYPOINT: whether a shell reads the command.
	Shell bool `json:"shell"`
	// COPY: from which stage, or empty; and where to.
	From string `json:"from"`
	To   string `json:"to"`
	// LABEL and ENV.
	Pairs map[string]string `json:"pairs"`
}

// A registry that has every image, each of them empty.
type anyImage struct{}

func (anyImage) ResolveImageConfig(
	_ context.Context, ref string, _ sourceresolver.Opt,
) (string, digest.Digest, []byte, error) {
	config, err := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(config), config, err
}

func readDockerfile(ctx context.Context, root string) (dockerfile, error) {
	name := filepath.Join(root, "deploy", "Dockerfile")
	text, err := os.ReadFile(name)
	if err != nil {
		return dockerfile{}, err
	}
	read := dockerfile{Warnings: []string{}, Arguments: map[string]string{}}
	if err := read.lint(ctx, text); err != nil {
		return read, err
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return read, err
	}
	stages, arguments, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		return read, err
	}
	for _, command := range arguments {
		for _, argument := range command.Args {
			read.Arguments[argument.Key] = argument.ValueString()
		}
	}
	for _, found := range stages {
		stage := stage{Name: found.Name, Base: found.BaseName}
		for _, command := range found.Commands {
			stage.Instructions = append(stage.Instructions, instructionOf(command))
		}
		read.Stages = append(read.Stages, stage)
	}
	return read, nil
}

func (read *dockerfile) lint(ctx context.Context, text []byte) error {
	source := llb.NewSourceMap(nil, "deploy/Dockerfile", "Dockerfile", text)
	source.Definition = &llb.Definition{}
	found, err := dockerfile2llb.DockerfileLint(ctx, text, dockerfile2llb.ConvertOpt{MetaResolver: anyImage{}, SourceMap: source})
	if err != nil {
		return err
	}
	for _, warning := range found.Warnings {
		read.Warnings = append(read.Warnings, warning.RuleName+": "+warning.Detail)
	}
	if found.Error != nil {
		read.Warnings = append(read.Warnings, found.Error.Message)
	}
	return nil
}

func instructionOf(command instructions.Command) instruction {
	told := instruction{Kind: command.Name()}
	if lines := command.Location(); len(lines) > 0 {
		told.Line = lines[0].Start.Line
	}
	switch command := command.(type) {
	case *instructions.RunCommand:
		told.Words, told.Shell = command.CmdLine, command.PrependShell
	case *instructions.EntrypointCommand:
		told.Words, told.Shell = command.CmdLine, command.PrependShell
	case *instructions.CopyCommand:
		told.Words, told.From, told.To = command.SourcePaths, command.From, command.DestPath
	case *instructions.UserCommand:
		told.Words = []string{command.User}
	case *instructions.WorkdirCommand:
		told.Words = []string{command.Path}
	case *instructions.ArgCommand:
		for _, argument := range command.Args {
			told.Words = append(told.Words, argument.Key)
		}
	case *instructions.LabelCommand:
		told.Pairs = pairs(command.Labels)
	case *instructions.EnvCommand:
		told.Pairs = pairs(command.Env)
	}
	return told
}

func pairs(list instructions.KeyValuePairs) map[string]string {
	pairs := map[string]string{}
	for _, pair := range list {
		pairs[pair.Key] = pair.Value
	}
	return pairs
}
