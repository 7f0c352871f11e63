// SPDX-License-Identifier: Apache-2.0

package executor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hivecloud/hive/compute/cloudinit"
	"github.com/hivecloud/hive/fsm/state"
)

// launchTimeout bounds the start of a guard, which answers long before its guest has booted.
const launchTimeout = time.Minute

// launch makes the instance's volumes and starts its guard.
func (k *keeper) launch(ctx context.Context, view *state.View, i *state.Instance) (Status, error) {
	var disks []Disk
	for _, d := range i.Devices {
		v, ok := state.Volumes.Get(view, i.AccountID, d.VolumeID)
		if !ok {
			return Status{}, fmt.Errorf("launch instance %s: volume %s is not in the region", i.ID, d.VolumeID)
		}
		if err := k.provide(ctx, v); err != nil {
			return Status{}, fmt.Errorf("launch instance %s: %w", i.ID, err)
		}
		disks = append(disks, Disk{VolumeID: v.ID, Epoch: v.Epoch, IOPS: v.IOPS, BytesPerS: v.Throughput << 20, Boot: d.Name == i.RootDevice})
	}
	l, err := describe(view, i, disks)
	if err != nil {
		return Status{}, err
	}
	fence, launched := k.x.fence.begin()
	defer launched()
	l.Fence = fence.moment()
	callCtx, cancel := context.WithTimeout(ctx, launchTimeout)
	defer cancel()
	g, err := k.x.cfg.Guests.Launch(callCtx, l)
	if err != nil {
		return Status{}, fmt.Errorf("launch instance %s: %w", i.ID, err)
	}
	st, err := g.Status(callCtx, 0)
	if err != nil {
		return Status{}, fmt.Errorf("launch instance %s: ask its guard: %w", i.ID, err)
	}
	k.follow(ctx, g, st)
	return st, nil
}

// provide makes a new volume. One that a guest has run on must be there: an empty one in its place would look like an
// instance that lost its data without anybody saying so.
func (k *keeper) provide(ctx context.Context, v *state.Volume) error {
	if v.Made {
		if err := k.x.cfg.Blocks.Has(ctx, v.ID); err != nil {
			return fmt.Errorf("find volume %s: %w", v.ID, err)
		}
		return nil
	}
	if err := k.x.cfg.Blocks.Create(ctx, v.ID, v.SizeGiB<<30, v.SnapshotID); err != nil {
		return fmt.Errorf("make volume %s: %w", v.ID, err)
	}
	return nil
}

// describe is the launch of an instance.
func describe(view *state.View, i *state.Instance, disks []Disk) (Launch, error) {
	eni, ok := state.NetworkInterfaces.Get(view, i.AccountID, i.NetworkInterfaceID)
	if !ok {
		return Launch{}, fmt.Errorf("launch instance %s: interface %s is not in the region", i.ID, i.NetworkInterfaceID)
	}
	subnet, ok := state.Subnets.Get(view, i.AccountID, eni.SubnetID)
	if !ok {
		return Launch{}, fmt.Errorf("launch instance %s: subnet %s is not in the region", i.ID, eni.SubnetID)
	}
	seed := cloudinit.Seed{InstanceID: i.ID, Hostname: Hostname(i.PrivateIP), UserData: view.UserData(i.UserDataHash)}
	if i.PublicKey != "" {
		seed.PublicKeys = []string{i.PublicKey}
	}
	image, err := cloudinit.Image(seed)
	if err != nil {
		return Launch{}, fmt.Errorf("launch instance %s: %w", i.ID, err)
	}
	return Launch{
		InstanceID: i.ID, Epoch: i.Epoch, Type: i.Type, Shape: i.Shape, UEFI: i.BootMode == "uefi", TPM: i.TPM != "",
		InterfaceID: eni.ID, MAC: eni.MAC, PrivateIP: eni.PrivateIP, SubnetCIDR: subnet.CIDR, PublicIP: eni.PublicIP,
		Hostname: seed.Hostname, MTU: view.SettingInt(state.SettingMTU), Seed: image, Disks: disks,
	}, nil
}

// Hostname is the name that EC2 gives an instance by its address: ip-172-31-0-10.
func Hostname(privateIP string) string { return "ip-" + strings.ReplaceAll(privateIP, ".", "-") }
