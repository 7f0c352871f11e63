// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/compute/images"
	"github.com/hivecloud/hive/compute/images/catalog"
	"github.com/hivecloud/hive/internal/admin"
)

// importPlan is what the flags of hive image import say.
type importPlan struct {
	admin.ImageImportRequest
	format  string
	workDir string
}

func newImageImport(a *app) *cobra.Command {
	var plan importPlan
	cmd := &cobra.Command{
		Use: "import FILE|URL|NAME", Short: "Make an image of a disk file, a URL or an official cloud image", Args: exactArgs("FILE|URL|NAME"),
		Long: "Make an image of a disk file, of one behind a URL, or of an official cloud image that hive image list\n" +
			"--remote names (with its publisher's checksum). Takes raw, qcow2, vmdk, vhd and vhdx, compressed with gzip,\n" +
			"xz or zstd or not. Architecture and boot mode are read from the disk. Files that refer to other files are refused.",
		Example: "  hive image import debian-12\n  hive image import ./disk.qcow2 --name web-base\n  hive image import https://example.org/disk.raw.xz --sha256 9f86d0...",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			if plan.workDir == "" {
				plan.workDir = filepath.Join(cfg.Node.DataDir, "import")
			}
			image, err := importImage(a.withTimeout(cmd.Context()), a, admin.NewClient(cfg.AdminSocket()), args[0], plan)
			if err != nil {
				return err
			}
			return printItem(a, "Image", image, imageColumns)
		},
	}
	a.timeoutDefault(cmd, time.Hour)
	f := cmd.Flags()
	f.StringVar(&plan.Name, "name", "", "name of the image (default: that of the file)")
	f.StringVar(&plan.Description, "description", "", "description of the image")
	f.StringVar(&plan.Account, "account", "", "account that owns it (default: the first one)")
	f.BoolVar(&plan.Public, "public", false, "let every account launch it")
	f.StringVar(&plan.SHA256, "sha256", "", "checksum the file must have as it comes, in hexadecimal")
	f.StringVar(&plan.format, "format", "", "format the file must have: raw, qcow2, vmdk, vhd or vhdx (default: what it is)")
	f.StringVar(&plan.Architecture, "arch", "", "architecture, when the disk does not tell: x86_64")
	f.StringVar(&plan.BootMode, "boot-mode", "", "legacy-bios, uefi or uefi-preferred (default: what the disk can)")
	f.StringVar(&plan.workDir, "work-dir", "", "directory for the converted disk (default: import below the data directory)")
	return cmd
}

// importImage turns the source into a raw disk and has the agent take it in.
func importImage(ctx context.Context, a *app, client *admin.Client, from string, plan importPlan) (admin.Image, error) {
	src, known, err := importSource(ctx, from, plan)
	if err != nil {
		return admin.Image{}, err
	}
	plan.Name = cmpOr(plan.Name, cmpOr(known.Name, nameOf(from)))
	// Before minutes of downloads and conversion: the agent checks again.
	if err := checkNameFree(ctx, client, plan.ImageImportRequest); err != nil {
		return admin.Image{}, err
	}
	if err := os.MkdirAll(plan.workDir, 0o700); err != nil {
		return admin.Image{}, fmt.Errorf("make work directory: %w", err)
	}
	if err := images.RemoveLeftovers(plan.workDir); err != nil {
		return admin.Image{}, err
	}
	p := &progress{a: a}
	defer p.end()
	disk, err := images.Prepare(ctx, src, images.Options{
		WorkDir:  plan.workDir,
		Progress: func(done, total int64, stage string) { p.show(stage, done, total) },
	})
	if err != nil {
		return admin.Image{}, importError(err)
	}
	defer os.Remove(disk.RawPath)
	req := plan.ImageImportRequest
	req.SHA256 = "" // it was of the source, and was checked
	req.Path, req.Size = disk.RawPath, disk.VirtualSize
	if err := fillFromLayout(&req, disk.Layout); err != nil {
		return admin.Image{}, err
	}
	image, err := client.ImageImport(ctx, req, importProgress(p))
	if err == nil && known.User != "" {
		a.note("log in as %s", known.User)
	}
	if err == nil && known.Note != "" {
		a.note("%s", known.Note)
	}
	return image, err
}

func checkNameFree(ctx context.Context, client *admin.Client, req admin.ImageImportRequest) error {
	owner := req.Account
	if owner == "" {
		env, err := client.Env(ctx, "")
		if err != nil {
			return err
		}
		owner = env.Account
	}
	have, err := client.Images(ctx, owner)
	if err != nil {
		return err
	}
	for _, image := range have {
		if image.Name == req.Name && image.Account == owner {
			return admin.Errorf(admin.KindConflict, "choose another --name, or deregister "+image.ID, "the image name %s is in use by %s", req.Name, image.ID)
		}
	}
	return nil
}

// importSource decides what a word on the command line means: an address, a
// name of the catalogue, or a file.
func importSource(ctx context.Context, from string, plan importPlan) (images.Source, catalog.Image, error) {
	format, err := images.ParseFormat(plan.format)
	if err != nil {
		return images.Source{}, catalog.Image{}, admin.Errorf(admin.KindUsage, "hive image import --help lists the formats", "%w", err)
	}
	if sum, err := hex.DecodeString(plan.SHA256); err != nil || len(sum) != sha256.Size && len(sum) != 0 {
		return images.Source{}, catalog.Image{}, admin.Errorf(admin.KindUsage, "give what sha256sum prints for the file", "--sha256 is not a SHA-256 in hexadecimal")
	}
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		return images.Source{URL: from, SHA256: plan.SHA256, Format: format}, catalog.Image{}, nil
	}
	_, statErr := os.Stat(from)
	if errors.Is(statErr, fs.ErrNotExist) && !strings.ContainsRune(from, '/') {
		known, err := catalog.Resolve(from)
		if err != nil {
			return images.Source{}, known, admin.Errorf(admin.KindNotFound, "hive image list --remote lists the names", "there is no file %s, and no cloud image of that name", from)
		}
		src, err := known.Source(ctx, http.DefaultClient)
		if err != nil {
			return src, known, admin.Errorf(admin.KindUnavailable, "check this machine's way to the internet, or import a file", "%w", err)
		}
		return src, known, nil
	}
	if statErr != nil {
		return images.Source{}, catalog.Image{}, admin.Errorf(admin.KindNotFound, "check the path", "read image: %w", statErr)
	}
	return images.Source{File: from, SHA256: plan.SHA256, Format: format}, catalog.Image{}, nil
}

// fillFromLayout takes from the disk what the user did not say, and refuses what
// contradicts it.
func fillFromLayout(req *admin.ImageImportRequest, disk images.Layout) error {
	if disk.Arch != "" && req.Architecture != "" && disk.Arch != req.Architecture {
		return admin.Errorf(admin.KindUsage, "leave --arch out", "the disk boots %s, not %s", disk.Arch, req.Architecture)
	}
	req.Architecture = cmpOr(req.Architecture, cmpOr(disk.Arch, catalog.ArchX8664))
	if req.BootMode != "" {
		return nil
	}
	switch {
	case slices.Contains(disk.BootModes, images.BootBIOS) && slices.Contains(disk.BootModes, images.BootUEFI):
		req.BootMode = "uefi-preferred"
	case len(disk.BootModes) > 0:
		req.BootMode = disk.BootModes[0]
	default:
		return admin.Errorf(admin.KindUsage, "say --boot-mode legacy-bios or uefi if you know that it boots", "nothing bootable was found on the disk")
	}
	return nil
}

// importError adds the next step to what the images room refuses.
func importError(err error) error {
	for cause, hint := range map[error]string{
		images.ErrUnsupported: "convert it to raw or qcow2 with qemu-img",
		images.ErrUnsafe:      "flatten it on a machine you trust: qemu-img convert -O qcow2 IN OUT",
		images.ErrCorrupt:     "fetch the file again, or check it with qemu-img check",
		images.ErrChecksum:    "fetch the file again, or check the checksum's source",
		images.ErrTooLarge:    "shrink the disk",
		images.ErrNoSpace:     "free some space, or name another disk with --work-dir",
	} {
		if errors.Is(err, cause) {
			return admin.Errorf(admin.KindFailure, hint, "import image: %w", err)
		}
	}
	return fmt.Errorf("import image: %w", err)
}

// nameOf makes an image name of a file name or address.
func nameOf(from string) string {
	name, _, _ := strings.Cut(filepath.Base(from), "?")
	for _, ext := range []string{".gz", ".xz", ".zst", ".raw", ".img", ".qcow2", ".vmdk", ".vhd", ".vhdx"} {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}
