package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

// The files that reach the builder.
func buildContext(ctx context.Context, root string) ([]string, error) {
	ignore, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return nil, err
	}
	defer ignore.Close()
	patterns, err := ignorefile.ReadAll(ignore)
	if err != nil {
		return nil, err
	}
	files := []string{}
	err = fsutil.Walk(ctx, root, &fsutil.FilterOpt{ExcludePatterns: patterns}, func(path string, entry fs.FileInfo, err error) error {
		if err == nil && entry.Mode().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	return files, err
}
