// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"encoding/base64"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Limits of a launch. The first two are EC2's. Devices is what EC2 too attaches to most types beside an interface.
const (
	maxUserData      = 16 << 10 // raw bytes
	maxClientToken   = 64
	maxLaunchDevices = 27
	// maxLaunches bounds one call; AWS too asks to break larger launches up.
	maxLaunches = 100
)

// launchPlan is a validated launch: one instance's rows to be copied for each instance, without ids.
type launchPlan struct {
	min, max int
	template state.Instance
	group    *state.PlacementGroup  // nil without one
	profile  *state.InstanceProfile // nil without one
	devices  []launchDevice
	userData []byte
	tags     map[types.ResourceType][]state.Tag
}

// planLaunch validates RunInstances against a snapshot and resolves every default. It reports the first fault.
func (s *Service) planLaunch(v *state.View, account string, in *sdk.RunInstancesInput) (launchPlan, error) {
	var p launchPlan
	if err := firstError(p.setCounts(in), checkLaunchEnums(in), p.setUserData(in)); err != nil {
		return p, err
	}
	image, err := launchImage(v, account, valueOf(in.ImageId))
	if err != nil {
		return p, err
	}
	t, err := launchType(in.InstanceType, image)
	if err != nil {
		return p, err
	}
	if err := p.setKey(v, account, valueOf(in.KeyName)); err != nil {
		return p, err
	}
	if p.group, p.template.Partition, err = launchGroup(v, account, in.Placement, t); err != nil {
		return p, err
	}
	if p.group != nil {
		p.template.PlacementGroupID = p.group.ID
	}
	if p.profile, err = wantedProfile(v, account, in.IamInstanceProfile); err != nil {
		return p, err
	}
	site, err := s.findSite(v, account, in, t, p.groupUse(v))
	if err != nil {
		return p, err
	}
	if p.devices, err = launchDevices(v, account, image, in.BlockDeviceMappings); err != nil {
		return p, err
	}
	if len(p.devices) > maxLaunchDevices {
		return p, awserr.New("AttachmentLimitExceeded", "The block device mapping has %d volumes; an instance of type %s starts with at most %d", len(p.devices), t.Name, maxLaunchDevices)
	}
	p.setImage(image)
	p.setSite(site)
	p.template.AccountID, p.template.ClientToken = account, valueOf(in.ClientToken)
	return p, p.setOptions(v, in, t, image)
}

// groupUse is where the instances of the launch's placement group are, nil without one.
func (p *launchPlan) groupUse(v *state.View) *state.GroupUse {
	if p.group == nil {
		return nil
	}
	return v.GroupUse(p.group, nil)
}

// setCounts checks MinCount and MaxCount.
func (p *launchPlan) setCounts(in *sdk.RunInstancesInput) error {
	switch {
	case in.MinCount == nil:
		return awserr.MissingParameter("MinCount")
	case in.MaxCount == nil:
		return awserr.MissingParameter("MaxCount")
	case *in.MinCount < 1:
		return awserr.InvalidParameterValue("Value (%d) for parameter minCount is invalid. Expected a positive integer.", *in.MinCount)
	case *in.MaxCount < *in.MinCount:
		return awserr.InvalidParameterValue("Value (%d) for parameter maxCount is invalid. Maximum count must be greater than or equal to minimum count (%d).", *in.MaxCount, *in.MinCount)
	case *in.MinCount > maxLaunches:
		return awserr.New("InstanceLimitExceeded", "You have requested more instances (%d) than one call may launch (%d). Break the launch up.", *in.MinCount, maxLaunches)
	case len(valueOf(in.ClientToken)) > maxClientToken:
		return awserr.InvalidParameterValue("Value (%s) for parameter clientToken is invalid. Length exceeds maximum of %d.", *in.ClientToken, maxClientToken)
	}
	p.min, p.max = int(*in.MinCount), min(int(*in.MaxCount), maxLaunches)
	return nil
}

// checkLaunchEnums refuses what is no value of its enumeration.
func checkLaunchEnums(in *sdk.RunInstancesInput) error {
	var m types.InstanceMetadataOptionsRequest
	if in.MetadataOptions != nil {
		m = *in.MetadataOptions
	}
	return firstError(
		checkEnum("InstanceInitiatedShutdownBehavior", in.InstanceInitiatedShutdownBehavior),
		checkEnum("MetadataOptions.HttpTokens", m.HttpTokens),
		checkEnum("MetadataOptions.HttpEndpoint", m.HttpEndpoint),
		checkEnum("MetadataOptions.HttpProtocolIpv6", m.HttpProtocolIpv6),
		checkEnum("MetadataOptions.InstanceMetadataTags", m.InstanceMetadataTags),
		checkEnum("MaintenanceOptions.AutoRecovery", valueOf(in.MaintenanceOptions).AutoRecovery),
	)
}

// setUserData decodes the user data, which RunInstances takes as base64.
func (p *launchPlan) setUserData(in *sdk.RunInstancesInput) error {
	var err error
	p.userData, err = decodeUserData(valueOf(in.UserData))
	return err
}

func decodeUserData(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, awserr.New("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data")
	}
	return raw, checkUserData(raw)
}

func checkUserData(raw []byte) error {
	if len(raw) > maxUserData {
		return awserr.InvalidParameterValue("User data is limited to %d bytes", maxUserData)
	}
	return nil
}

// launchImage finds the image and checks that the account may launch it now.
func launchImage(v *state.View, account, id string) (*state.Image, error) {
	if id == "" {
		return nil, awserr.MissingParameter("ImageId")
	}
	if err := ids.Image.Check(id); err != nil {
		return nil, err
	}
	image, ok := state.Images.Get(v, state.AnyAccount, id)
	if !ok || !image.MayLaunch(account) {
		return nil, awserr.New(ids.Image.NotFound, "The image id '[%s]' does not exist", id)
	}
	if image.State != state.ImageAvailable {
		return nil, awserr.New("InvalidAMIID.Unavailable", "The image ID '%s' is not available", id)
	}
	return image, nil
}

// launchType finds the type and checks that it boots the image.
func launchType(name types.InstanceType, image *state.Image) (instancetypes.Type, error) {
	if name == "" {
		return instancetypes.Type{}, awserr.MissingParameter("InstanceType")
	}
	t, ok := instancetypes.Lookup(string(name))
	if !ok {
		return t, awserr.InvalidParameterValue("Invalid value '%s' for InstanceType.", string(name))
	}
	return t, fitsImage(t, image.Arch, image.BootMode, image.TPM)
}

// fitsImage checks an image's demands on a type.
func fitsImage(t instancetypes.Type, arch, bootMode, tpm string) error {
	if !t.Supports(arch) {
		return awserr.InvalidParameterValue("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
			t.Architectures[len(t.Architectures)-1], arch)
	}
	if mode := map[string]string{"uefi": "UEFI", "legacy-bios": "Legacy-BIOS"}[bootMode]; mode != "" && !slices.Contains(t.BootModes, bootMode) {
		return awserr.InvalidParameterValue("The instance type '%s' does not support an AMI with a boot mode of %s. Specify an instance type that supports %s, and try again.", t.Name, mode, mode)
	}
	if tpm != "" && !t.NitroTPM {
		return awserr.InvalidParameterCombination("The instance type '%s' does not support NitroTPM. Specify an instance type that supports NitroTPM, and try again.", t.Name)
	}
	return nil
}

// setKey finds the key pair; its public half is kept with the instance, for the pair may be deleted later.
func (p *launchPlan) setKey(v *state.View, account, name string) error {
	if name == "" {
		return nil
	}
	pair, ok := state.KeyPairs.First(v, state.ByName, state.KeyPairName(account, name))
	if !ok {
		return awserr.New("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name)
	}
	p.template.KeyName, p.template.PublicKey = pair.Name, pair.PublicKey
	return nil
}

// setImage copies what an instance keeps of its image.
func (p *launchPlan) setImage(image *state.Image) {
	i := &p.template
	i.ImageID, i.Arch, i.RootDevice, i.ImageBootMode, i.TPM = image.ID, image.Arch, image.RootDevice, image.BootMode, image.TPM
	i.ENASupport, i.SriovNetSupport = image.ENASupport, image.SriovNetSupport
}

func (p *launchPlan) setSite(site launchSite) {
	i := &p.template
	i.Zone, i.VPCID, i.SubnetID, i.SecurityGroups = site.subnet.Zone, site.subnet.VPCID, site.subnet.ID, site.groups
}

// setOptions fills in what the owner may choose.
func (p *launchPlan) setOptions(v *state.View, in *sdk.RunInstancesInput, t instancetypes.Type, image *state.Image) error {
	i := &p.template
	i.Type, i.Tenancy, i.PrivateDNSHostname, i.SourceDestCheck = t.Name, "default", "ip-name", true
	i.RebootMigration, i.AutoRecovery = "default", "default"
	if o := in.MaintenanceOptions; o != nil && o.AutoRecovery != "" {
		i.AutoRecovery = string(o.AutoRecovery)
	}
	i.ShutdownBehavior = "stop"
	if in.InstanceInitiatedShutdownBehavior != "" {
		i.ShutdownBehavior = string(in.InstanceInitiatedShutdownBehavior)
	}
	i.DisableAPITermination, i.DisableAPIStop = valueOf(in.DisableApiTermination), valueOf(in.DisableApiStop)
	i.Monitoring = valueOf(valueOf(in.Monitoring).Enabled)
	var err error
	if i.EBSOptimized, err = ebsOptimized(t, valueOf(in.EbsOptimized)); err != nil {
		return err
	}
	if i.CPUCredits, err = launchCredits(t, in.CreditSpecification); err != nil {
		return err
	}
	if i.Shape, err = launchCPU(t, in.CpuOptions); err != nil {
		return err
	}
	i.Metadata = metadataDefaults(v, image)
	if m := in.MetadataOptions; m != nil {
		i.Metadata, err = metadataChange{m.HttpTokens, m.HttpEndpoint, m.HttpPutResponseHopLimit, m.HttpProtocolIpv6, m.InstanceMetadataTags}.over(i.Metadata)
	}
	return err
}

// ebsOptimized checks that the type can be what was asked for.
func ebsOptimized(t instancetypes.Type, asked bool) (bool, error) {
	if asked && t.EBS.Optimized == "unsupported" {
		return false, awserr.New("Unsupported", "EBS-optimized instances are not supported for your requested configuration. Please check the documentation for supported configurations.")
	}
	return asked, nil
}

// planRoom is what the leader's plan adds to a launch in the log, in bytes an instance.
const planRoom = 256

// command is the launch with its ids chosen: one reservation of up to max instances, or as many as fit into one entry
// of the log, which is what bounds launches with many volumes and tags.
func (p launchPlan) command(requester, paramsHash string) (command.RunInstances, error) {
	c := p.withIDs(requester, paramsHash)
	for {
		b, err := command.Encode(command.Envelope{Command: c})
		if err == nil && len(b)+planRoom*len(c.Launches) <= command.MaxLen {
			return c, nil
		}
		if len(c.Launches) <= p.min {
			return c, awserr.New("InstanceLimitExceeded", "You have requested more instances (%d) with so many volumes and tags than one call may launch. Break the launch up.", p.min)
		}
		c.Launches = c.Launches[:max(p.min, len(c.Launches)/2)]
	}
}

// withIDs makes the rows of max instances.
func (p launchPlan) withIDs(requester, paramsHash string) command.RunInstances {
	i := p.template
	c := command.RunInstances{AccountID: i.AccountID, MinCount: p.min, UserData: p.userData, Token: i.ClientToken, ParamsHash: paramsHash}
	reservation := ids.Reservation.New()
	for n := range p.max {
		c.Launches = append(c.Launches, p.launch(n, reservation, requester))
	}
	return c
}

// launch makes the rows of the nth instance.
func (p launchPlan) launch(n int, reservation, requester string) command.Launch {
	i := p.template
	i.ID, i.ReservationID, i.RequesterARN, i.LaunchIndex = ids.Instance.New(), reservation, requester, n
	l := command.Launch{Interface: state.NetworkInterface{
		ID: ids.NetworkInterface.New(), AccountID: i.AccountID, VPCID: i.VPCID, SubnetID: i.SubnetID, Zone: i.Zone, Groups: i.SecurityGroups,
		SourceDestCheck: true, AttachmentID: ids.Attachment.New(), DeleteOnTermination: true,
	}}
	l.Interface.MAC = macOf(l.Interface.ID)
	p.tag(&l, l.Interface.ID, types.ResourceTypeNetworkInterface)
	i.Devices = nil
	for _, d := range p.devices {
		v := state.Volume{ID: ids.Volume.New(), AccountID: i.AccountID, Zone: i.Zone, SnapshotID: d.snapshotID,
			SizeGiB: d.volume.sizeGiB, Type: d.volume.kind, IOPS: d.volume.iops, Throughput: d.volume.throughput}
		i.Devices = append(i.Devices, state.Device{Name: d.name, VolumeID: v.ID, DeleteOnTermination: d.deleteOnTermination})
		l.Volumes = append(l.Volumes, v)
		p.tag(&l, v.ID, types.ResourceTypeVolume)
	}
	p.tag(&l, i.ID, types.ResourceTypeInstance)
	l.Instance = i
	if p.profile != nil {
		row := newAssociation(p.profile, i.ID)
		l.Profile = &row
	}
	return l
}

// tag gives a new resource the tags that were asked for its kind.
func (p launchPlan) tag(l *command.Launch, id string, kind types.ResourceType) {
	if set := p.tags[kind]; len(set) > 0 {
		l.Tags = append(l.Tags, command.LaunchTags{ResourceID: id, ResourceType: string(kind), Tags: set})
	}
}

// macOf is an interface's hardware address: locally administered, and unique because the interface's id is.
func macOf(eni string) string {
	digits := eni[len(eni)-10:]
	mac := "02"
	for n := 0; n < len(digits); n += 2 {
		mac += ":" + digits[n:n+2]
	}
	return mac
}
