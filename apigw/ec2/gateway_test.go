// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/fsm/fsmtest"
)

const gateSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// holders knows one access key of each account: AKIA and the account's id.
type holders struct{}

func (holders) Session(context.Context, string, string) (apigw.Principal, error) {
	return apigw.Principal{}, apigw.ErrInvalidToken
}

func (holders) Lookup(_ context.Context, key string) (apigw.Principal, error) {
	account, ok := strings.CutPrefix(key, "AKIA")
	if !ok {
		return apigw.Principal{}, apigw.ErrUnknownKey
	}
	return apigw.Principal{AccountID: account, AccessKeyID: key, ARN: "arn:aws:iam::" + account + ":user/admin", UserName: "admin", Type: apigw.PrincipalUser,
		Secret: gateSecret, Status: apigw.Active}, nil
}

// serve puts the world's service behind a real gateway; the answer makes clients of the real SDK.
func (w *world) serve(t *testing.T) func(account string) *sdk.Client {
	t.Helper()
	return w.serveWith(t, nil)
}

// serveWith is serve with an authorizer.
func (w *world) serveWith(t *testing.T, a apigw.Authorizer) func(account string) *sdk.Client {
	t.Helper()
	g, err := apigw.New(apigw.Config{Region: fsmtest.Name, Principals: holders{}, TokenKey: []byte("0123456789abcdef"), Authorizer: a,
		Services: []apigw.Service{{Name: "ec2", Codec: ec2wire.Codec(), Handlers: w.svc, Members: Members}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(g.Handler())
	t.Cleanup(server.Close)
	return func(account string) *sdk.Client {
		return sdk.New(sdk.Options{Region: fsmtest.Name, BaseEndpoint: &server.URL, HTTPClient: server.Client(), RetryMaxAttempts: 1,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIA" + account, SecretAccessKey: gateSecret}, nil
			})})
	}
}

// What Terraform's provider sends for an aws_instance, with all its empty values and defaults, launches.
func TestGateway_LaunchWithEveryDefaultSpelledOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.serve(t)(alice)
	in := launchInput(w)
	in.Placement = &types.Placement{AvailabilityZone: ptr(""), Tenancy: "default"}
	in.HibernationOptions = &types.HibernationOptionsRequest{Configured: ptr(false)}
	in.EnclaveOptions = &types.EnclaveOptionsRequest{Enabled: ptr(false)}
	in.CapacityReservationSpecification = &types.CapacityReservationSpecification{CapacityReservationPreference: "open"}
	in.PrivateDnsNameOptions = &types.PrivateDnsNameOptionsRequest{HostnameType: "ip-name", EnableResourceNameDnsARecord: ptr(false), EnableResourceNameDnsAAAARecord: ptr(false)}
	in.NetworkPerformanceOptions = &types.InstanceNetworkPerformanceOptionsRequest{BandwidthWeighting: "default"}
	in.DisableApiTermination, in.EbsOptimized = ptr(false), ptr(false)
	in.CreditSpecification = &types.CreditSpecificationRequest{CpuCredits: ptr("standard")}
	in.BlockDeviceMappings = []types.BlockDeviceMapping{
		{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: ptr[int32](9), DeleteOnTermination: ptr(true), Encrypted: ptr(false)}},
		{DeviceName: ptr("/dev/sdz"), NoDevice: ptr("")},
	}
	out, err := client.RunInstances(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := client.DescribeInstances(t.Context(), &sdk.DescribeInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId}})
	if err != nil || *shown.Reservations[0].ReservationId != *out.ReservationId {
		t.Errorf("got %+v, %v", shown, err)
	}
}

// What Hive does not do is refused by its wire name before the handler runs.
func TestGateway_LaunchMembersRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.serve(t)(alice)
	for name, change := range map[string]func(*sdk.RunInstancesInput){
		"HibernationOptions.Configured": func(in *sdk.RunInstancesInput) {
			in.HibernationOptions = &types.HibernationOptionsRequest{Configured: ptr(true)}
		},
		"EnclaveOptions.Enabled": func(in *sdk.RunInstancesInput) {
			in.EnclaveOptions = &types.EnclaveOptionsRequest{Enabled: ptr(true)}
		},
		"LaunchTemplate.LaunchTemplateName": func(in *sdk.RunInstancesInput) {
			in.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateName: ptr("t")}
		},
		"NetworkInterface.1.DeviceIndex": func(in *sdk.RunInstancesInput) {
			in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: ptr[int32](0)}}
		},
		"PrivateIpAddress":  func(in *sdk.RunInstancesInput) { in.PrivateIpAddress = ptr("172.31.0.9") },
		"KernelId":          func(in *sdk.RunInstancesInput) { in.KernelId = ptr("aki-1") },
		"Placement.Tenancy": func(in *sdk.RunInstancesInput) { in.Placement = &types.Placement{Tenancy: "dedicated"} },
		"InstanceMarketOptions.MarketType": func(in *sdk.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot"}
		},
		"BlockDeviceMapping.1.VirtualName": func(in *sdk.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: ptr("/dev/sdb"), VirtualName: ptr("ephemeral0")}}
		},
		"BlockDeviceMapping.1.Ebs.Encrypted": func(in *sdk.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsBlockDevice{Encrypted: ptr(true)}}}
		},
		"BlockDeviceMapping.1.Ebs.KmsKeyId": func(in *sdk.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsBlockDevice{KmsKeyId: ptr("k")}}}
		},
	} {
		in := launchInput(w)
		change(in)
		_, err := client.RunInstances(t.Context(), in)
		var refusal smithy.APIError
		if !errors.As(err, &refusal) || refusal.ErrorCode() != "UnsupportedOperation" || !strings.Contains(refusal.ErrorMessage(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(w.proposed) != 0 {
		t.Errorf("refused launches proposed %v", w.proposed)
	}
}

// User data can be cleared: its empty value is a value on the wire.
func TestGateway_UserDataCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.serve(t)(alice)
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.UserData = ptr("aGVsbG8=") })[0]
	w.stop(t, alice, id)
	if _, err := client.ModifyInstanceAttribute(t.Context(), &sdk.ModifyInstanceAttributeInput{InstanceId: &id, UserData: &types.SecureBlobAttributeValue{Value: []byte{}}}); err != nil {
		t.Fatal(err)
	}
	if hash := w.row(t, id).UserDataHash; hash != "" {
		t.Errorf("user data was not cleared: %s", hash)
	}
	out, err := client.DescribeInstanceAttribute(t.Context(), &sdk.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: "userData"})
	if err != nil || out.UserData == nil || out.UserData.Value != nil {
		t.Errorf("got %+v, %v", out, err)
	}
}
