package main

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
)

// The whole of deploy/compose.yaml, as Compose would run it: checked against its schema, with every profile, and nothing taken
// from this machine's environment.
func readCompose(ctx context.Context, root string) (json.RawMessage, error) {
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(root, "deploy", "compose.yaml")},
		cli.WithProfiles([]string{"*"}),
	)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}
