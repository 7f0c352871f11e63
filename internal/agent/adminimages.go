// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// rootDevice is the device name that imported images give their root volume.
const rootDevice = "/dev/sda1"

// imageImport makes an image of a raw disk file on this machine: the bytes become a snapshot in the block store, the
// record enters the log only when they are there.
func (s *adminServer) imageImport(w http.ResponseWriter, r *http.Request) {
	in, err := decode[admin.ImageImportRequest](r)
	if err != nil {
		admin.WriteError(w, err)
		return
	}
	lines := newLines(w)
	progress := func(phase string, done int64) {
		lines.send(admin.ImportEvent{Phase: phase, Done: done, Total: in.Size})
	}
	row, err := s.a.importImage(r.Context(), in, progress)
	if err != nil {
		lines.send(admin.ImportEvent{Error: admin.AsError(operatorError(err))})
		return
	}
	lines.send(admin.ImportEvent{Phase: "register", Done: in.Size, Total: in.Size, Image: &row})
}

// importImage takes the file in and records the image.
func (a *Agent) importImage(ctx context.Context, in admin.ImageImportRequest, progress func(phase string, done int64)) (admin.Image, error) {
	v, err := a.region.View(ctx)
	if err != nil {
		return admin.Image{}, err
	}
	owner, err := account(v, in.Account)
	if err != nil {
		return admin.Image{}, err
	}
	if err := checkImport(v, owner.ID, &in); err != nil {
		return admin.Image{}, err
	}
	progress("check", 0)
	if err := checkSum(in.Path, in.SHA256); err != nil {
		return admin.Image{}, err
	}
	id := newID("snap-")
	progress("copy", 0)
	bytes, sum, err := a.blocks.ImportSnapshot(ctx, id, in.Path)
	if err != nil {
		return admin.Image{}, fmt.Errorf("take the image's bytes in: %w", err)
	}
	image := state.Image{
		ID: newID("ami-"), AccountID: owner.ID, Name: in.Name, Description: in.Description, Location: owner.ID + "/" + in.Name, Arch: in.Architecture,
		RootDevice: rootDevice, BootMode: in.BootMode, ENASupport: true, Public: in.Public,
		Devices: []state.ImageDevice{{Name: rootDevice, SnapshotID: id, SizeGiB: gib(bytes), Type: "gp3", IOPS: 3000, Throughput: 125, DeleteOnTermination: true}},
	}
	c := command.ImportImage{Image: image, Snapshot: state.Snapshot{ID: id, AccountID: owner.ID, VolumeID: "vol-ffffffff", SizeGiB: gib(bytes), Bytes: bytes,
		SHA256: sum, Description: "Imported as " + image.ID, Nodes: []string{a.id.NodeID}, Public: in.Public}}
	if err := a.region.Propose(ctx, c, nil); err != nil {
		var refusal *command.Error
		if errors.As(err, &refusal) { // a refusal is final: the bytes would be nobody's
			return admin.Image{}, errors.Join(err, a.blocks.DeleteSnapshot(context.WithoutCancel(ctx), id))
		}
		return admin.Image{}, err
	}
	if made, ok := state.Images.Get(a.region.Local(), owner.ID, image.ID); ok {
		return imageRow(made), nil
	}
	return imageRow(&image), nil // deregistered already
}

// checkImport refuses what cannot become an image, before any byte is copied.
func checkImport(v *state.View, account string, in *admin.ImageImportRequest) error {
	usage := func(format string, args ...any) error {
		return admin.Errorf(admin.KindUsage, "hive image import --help shows the form", format, args...)
	}
	if in.Architecture == "" {
		in.Architecture = "x86_64"
	}
	switch {
	case in.Architecture != "x86_64":
		return usage("the architecture %s cannot run here: want x86_64", in.Architecture)
	case in.BootMode != "" && in.BootMode != "legacy-bios" && in.BootMode != "uefi" && in.BootMode != "uefi-preferred":
		return usage("the boot mode %s is not one of legacy-bios, uefi, uefi-preferred", in.BootMode)
	case len(in.Name) < 3 || len(in.Name) > 128 || strings.ContainsFunc(in.Name, badNameRune):
		return usage("the image name %q is not 3 to 128 of letters, digits, spaces and ()[]./-'@_", in.Name)
	case !filepath.IsAbs(in.Path):
		return usage("the path %s is not absolute", in.Path)
	}
	if other, ok := state.Images.First(v, state.ByName, state.ImageKeyName(account, in.Name)); ok {
		return admin.Errorf(admin.KindConflict, "choose another --name, or deregister "+other.ID, "the image name %s is in use by %s", in.Name, other.ID)
	}
	info, err := os.Stat(in.Path)
	if err != nil {
		return admin.Errorf(admin.KindNotFound, "check the path", "read image file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return usage("%s is not a file with content", in.Path)
	}
	in.Size = info.Size()
	return nil
}

// badNameRune is what RegisterImage does not allow in a name.
func badNameRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("()[] ./-'@_", r))
}

// checkSum compares the file's SHA-256 with the one given; "" asks for no comparison.
func checkSum(path, want string) error {
	if want == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open image file: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read image file: %w", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, want) {
		return admin.Errorf(admin.KindConflict, "fetch the file again", "the file's SHA-256 is %s, not %s", got, want)
	}
	return nil
}

// gib is a size in whole GiB, rounded up.
func gib(bytes int64) int64 { return (bytes + 1<<30 - 1) >> 30 }
