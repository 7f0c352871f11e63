// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// imported takes the micro image in once more.
func (r *region) imported(t *testing.T, name string, flags ...string) importedImage {
	t.Helper()
	row, err := r.node.importImage(t.Context(), microImage(), append(flags, "--name", name)...)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// dropImages deregisters images with their snapshots, as far as they are still there.
func (r *region) dropImages(t *testing.T, images ...string) {
	t.Helper()
	for _, id := range images {
		_, refused, err := r.driver.call(nil, "ec2", "DeregisterImage", params{"ImageId": id, "DeleteAssociatedSnapshots": true})
		if err != nil || refused != nil && refused.Code != "InvalidAMIID.NotFound" && refused.Code != "InvalidAMIID.Unavailable" {
			t.Errorf("deregister %s: %v %+v", id, err, refused)
		}
	}
}

// TestUEFI_BootsAndHasATPM boots the micro image by UEFI, registered anew with a TPM, beside a guest that has neither.
func TestUEFI_BootsAndHasATPM(t *testing.T) {
	r := shared
	imported := r.imported(t, "e2e-uefi", "--boot-mode", "uefi")
	registered := r.ok(t, "RegisterImage", params{"Name": "e2e-tpm", "Architecture": "x86_64", "RootDeviceName": "/dev/xvda", "BootMode": "uefi", "TpmSupport": "v2.0",
		"BlockDeviceMappings": list{params{"DeviceName": "/dev/xvda", "Ebs": params{"SnapshotId": imported.Snapshot}}}})["ImageId"].(string)
	t.Cleanup(func() { r.dropImages(t, registered, imported.ID) })
	if got := dig(r.ok(t, "DescribeImages", params{"ImageIds": list{imported.ID}}), "Images", 0, "BootMode"); got != "uefi" {
		t.Errorf("boot mode of the imported image is %v", got)
	}
	for _, c := range []struct {
		image, kind, mode, tables string
	}{
		{registered, "t3.micro", "uefi", "TPM2"},
		{r.image, "t3.nano", "legacy-bios", "no TPM"},
	} {
		id := r.launch(t, params{"ImageId": c.image, "InstanceType": c.kind})
		i := r.reach(t, id, "running")
		if dig(i, "CurrentInstanceBootMode") != c.mode || (dig(i, "TpmSupport") == "v2.0") != (c.tables == "TPM2") {
			t.Errorf("instance of %s: boot mode %v, TPM %v", c.image, dig(i, "CurrentInstanceBootMode"), dig(i, "TpmSupport"))
		}
		if got := r.ssh(t, id, "test -d /sys/firmware/efi && echo uefi || echo legacy-bios"); got != c.mode {
			t.Errorf("the kernel of %s was started by %s, want %s", c.image, got, c.mode)
		}
		if got := r.ssh(t, id, "cd /sys/firmware/acpi/tables && ls TPM2 2>/dev/null || echo no TPM"); got != c.tables {
			t.Errorf("the guest of %s has in ACPI: %s, want %s", c.image, got, c.tables)
		}
	}
}

// TestRegisteredImage_OutlivedByItsInstances: an image of a snapshot is launched, image and snapshot go, the instance
// goes on and starts again.
func TestRegisteredImage_OutlivedByItsInstances(t *testing.T) {
	r := shared
	imported := r.imported(t, "e2e-source", "--boot-mode", "legacy-bios")
	snapshot := imported.Snapshot
	registered := r.ok(t, "RegisterImage", params{"Name": "e2e-registered", "RootDeviceName": "/dev/sda1",
		"BlockDeviceMappings": list{params{"DeviceName": "/dev/sda1", "Ebs": params{"SnapshotId": snapshot, "VolumeSize": 2}}}})["ImageId"].(string)
	t.Cleanup(func() { r.dropImages(t, registered, imported.ID) })
	id := r.launch(t, params{"ImageId": registered})
	i := r.reach(t, id, "running")
	volume := dig(i, "BlockDeviceMappings", 0, "Ebs", "VolumeId")
	if got := dig(r.ok(t, "DescribeVolumes", params{"VolumeIds": list{volume}}), "Volumes", 0, "Size"); got != 2.0 {
		t.Errorf("root volume has %v GiB, want the image's 2", got)
	}
	r.ssh(t, id, "echo "+marker+" >/home/ec2-user/marker && sync")

	// The snapshot is another image's too: it stays (API_DeregisterImage, DeleteAssociatedSnapshots).
	r.ok(t, "DeregisterImage", params{"ImageId": registered, "DeleteAssociatedSnapshots": true})
	r.ok(t, "DescribeSnapshots", params{"SnapshotIds": list{snapshot}})
	if !r.holdsBytesOf(t, snapshot) {
		t.Fatal("the bytes of a snapshot that an image uses are gone")
	}
	r.ok(t, "DeregisterImage", params{"ImageId": imported.ID, "DeleteAssociatedSnapshots": true})
	r.refused(t, "DescribeSnapshots", params{"SnapshotIds": list{snapshot}}, "InvalidSnapshot.NotFound")
	eventually(t, "bytes of "+snapshot+" removed", func() (bool, string) {
		return !r.holdsBytesOf(t, snapshot), "still there"
	})
	r.refused(t, "RunInstances", params{"ImageId": registered, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1}, "InvalidAMIID.NotFound")

	r.hasMarker(t, id)
	r.ssh(t, id, "dd if=/dev/vda of=/dev/null bs=1M count=60 2>/dev/null") // all that the image brought
	r.ok(t, "StopInstances", params{"InstanceIds": list{id}})
	r.reach(t, id, "stopped")
	r.ok(t, "StartInstances", params{"InstanceIds": list{id}})
	r.reach(t, id, "running")
	r.hasMarker(t, id)
	if i := r.describe(t, id); dig(i, "ImageId") != registered {
		t.Errorf("instance says image %v, want %s, which it was launched from", dig(i, "ImageId"), registered)
	}
}

// holdsBytesOf tells whether the node's block store has files of a volume or snapshot.
func (r *region) holdsBytesOf(t *testing.T, id string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(filepath.Join(r.node.dir, "volumes"), func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // it goes while we look
		}
		found = found || strings.Contains(path, id)
		return err
	})
	if err != nil {
		t.Fatal(fmt.Errorf("look for %s: %w", id, err))
	}
	return found
}
