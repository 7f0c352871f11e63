// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/compute/images"
	"github.com/hivecloud/hive/compute/images/micro"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/logging"
)

// microName is the name of the micro image in a region.
const microName = "hive-micro"

// microImage is what hive image build-micro prints.
type microImage struct {
	File     string   `json:"file"`
	Bytes    int64    `json:"bytes"`
	Kernel   string   `json:"kernel"`
	Packages []string `json:"packages"` // name_version
}

func newImageBuildMicro(a *app) *cobra.Command {
	var cache string
	cmd := &cobra.Command{
		Use: "build-micro OUT", Short: "Build the micro guest image from Debian packages", Args: exactArgs("OUT"),
		Long: "Build the micro guest image: 62 MiB, boots by BIOS and UEFI in seconds, takes keys and user data as\n" +
			"EC2's images do. It is put together from Debian packages that are downloaded and unpacked, without\n" +
			"root, loop devices or an installed kernel.",
		Example: "  hive image build-micro hive-micro.raw",
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := buildMicro(a.withTimeout(cmd.Context()), a, args[0], cache)
			if err != nil {
				return err
			}
			built := microImage{result.Path, result.VirtualSize, result.Kernel, result.Packages}
			return printItem(a, "MicroImage", built, []column[microImage]{
				{"File", false, func(m microImage) string { return m.File }},
				{"Bytes", false, func(m microImage) string { return strconv.FormatInt(m.Bytes, 10) }},
				{"Kernel", false, func(m microImage) string { return m.Kernel }},
				{"Packages", true, func(m microImage) string { return strings.Join(m.Packages, " ") }},
			})
		},
	}
	a.timeoutDefault(cmd, 15*time.Minute)
	cmd.Flags().StringVar(&cache, "cache", userCache(), "directory that keeps downloaded packages")
	return cmd
}

func buildMicro(ctx context.Context, a *app, out, cache string) (micro.Result, error) {
	level := "warn"
	if a.getenv("HIVE_LOG_LEVEL") != "" {
		level = a.getenv("HIVE_LOG_LEVEL")
	}
	logger, err := logging.New(logging.Options{Name: "micro", Level: level, Format: "human", Output: a.stderr})
	if err != nil {
		return micro.Result{}, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return micro.Result{}, fmt.Errorf("make cache directory: %w", err)
	}
	result, err := micro.Build(ctx, micro.Config{
		OutPath: out, CacheDir: filepath.Join(cache, "micro"), Logger: logger,
		Progress: func(done, total int64, stage string) { a.note("micro image %d/%d: %s", done+1, total, stage) },
	})
	if missing, ok := errors.AsType[*micro.MissingToolsError](err); ok {
		return result, admin.Errorf(admin.KindFailure, "install what it names, or make bootstrap in the source tree", "%w", missing)
	}
	return result, err
}

// ensureMicroImage returns the id of the region's micro image, and builds and
// imports it first when there is none.
func ensureMicroImage(ctx context.Context, a *app, client *admin.Client, cache string) (string, error) {
	have, err := client.Images(ctx, "")
	if err != nil {
		return "", err
	}
	for _, image := range have {
		if image.Name == microName && image.State == "available" {
			return image.ID, nil
		}
	}
	out, err := filepath.Abs(filepath.Join(cache, microName+".raw"))
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	built, err := buildMicro(ctx, a, out, cache)
	if err != nil {
		return "", err
	}
	p := &progress{a: a}
	defer p.end()
	// It boots by UEFI too; without the firmware's seconds it is there sooner.
	image, err := client.ImageImport(ctx, admin.ImageImportRequest{
		Path: built.Path, Name: microName, Description: "Hive micro guest, Linux " + built.Kernel, Architecture: micro.ArchX8664,
		BootMode: images.BootBIOS, Size: built.VirtualSize, Public: true,
	}, importProgress(p))
	if err != nil {
		return "", err
	}
	return image.ID, nil
}
