// SPDX-License-Identifier: Apache-2.0

package ec2wire_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/apigw/filter"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
)

const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// owner knows one key.
type owner struct{}

func (owner) Session(context.Context, string, string) (apigw.Principal, error) {
	return apigw.Principal{}, apigw.ErrInvalidToken
}

func (owner) Lookup(_ context.Context, id string) (apigw.Principal, error) {
	if id != "AKIAOWNER" {
		return apigw.Principal{}, apigw.ErrUnknownKey
	}
	return apigw.Principal{AccountID: "111122223333", ARN: "arn:aws:iam::111122223333:root", Root: true, Secret: secret, Status: apigw.Active}, nil
}

// fleet serves a few actions over volumes in memory, with every generic part that handlers use.
type fleet struct{ volumes []types.Volume }

var volumeFilters = filter.Set[types.Volume]{
	"size": func(v types.Volume) []string { return filter.Number(*v.Size) },
}.WithTags(func(v types.Volume) map[string]string {
	out := map[string]string{}
	for _, t := range v.Tags {
		out[*t.Key] = *t.Value
	}
	return out
})

func (f *fleet) DescribeVolumes(ctx context.Context, in *ec2.DescribeVolumesInput) (*ec2.DescribeVolumesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.Volume.Check(in.VolumeIds...); err != nil {
		return nil, err
	}
	var filters []filter.Filter
	for _, x := range in.Filters {
		filters = append(filters, filter.Filter{Name: aws.ToString(x.Name), Values: x.Values})
	}
	m, err := volumeFilters.Parse(filters)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var rows []types.Volume
	for _, v := range f.volumes {
		if m.Match(v) {
			rows = append(rows, v)
		}
	}
	req := page.Request{MaxResults: in.MaxResults, NextToken: in.NextToken}
	if len(in.VolumeIds) > 0 {
		req.IDs = "volumesSet"
	}
	rows, next, err := apigw.Page(call, rows, func(v types.Volume) string { return *v.VolumeId }, req, page.EC2)
	return &ec2.DescribeVolumesOutput{Volumes: rows, NextToken: next}, err
}

func (f *fleet) DeleteVolume(ctx context.Context, in *ec2.DeleteVolumeInput) (*ec2.DeleteVolumeOutput, error) {
	call := apigw.CallFrom(ctx)
	if in.VolumeId == nil {
		return nil, awserr.MissingParameter("VolumeId")
	}
	if err := call.Authorize(call.Resource("volume", *in.VolumeId, nil)); err != nil {
		return nil, err
	}
	return &ec2.DeleteVolumeOutput{}, nil
}

func (f *fleet) RunInstances(ctx context.Context, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error) {
	call := apigw.CallFrom(ctx)
	if call.Sent("Placement") != (in.Placement != nil) || call.Sent("Place") {
		return nil, errors.New("Sent disagrees with the input")
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	panic("nothing runs here")
}

func serve(t *testing.T) (*ec2.Client, *fleet) {
	t.Helper()
	server, f := newServer(t)
	return client(server, "AKIAOWNER", secret), f
}

func newServer(t *testing.T) (*httptest.Server, *fleet) {
	t.Helper()
	f := &fleet{}
	for i := range 12 {
		f.volumes = append(f.volumes, types.Volume{VolumeId: aws.String("vol-0000000000000000" + string("0123456789ab"[i])), Size: aws.Int32(int32(i)),
			CreateTime: aws.Time(time.Unix(1e9, 123e6).UTC()), Tags: []types.Tag{{Key: aws.String("n"), Value: aws.String("v" + string("0123456789ab"[i]))}}})
	}
	g, err := apigw.New(apigw.Config{Region: "hive-1", Principals: owner{}, TokenKey: []byte("0123456789abcdef"), Services: []apigw.Service{{
		Name: "ec2", Codec: ec2wire.Codec(), Handlers: f, Members: apigw.Members{
			"DescribeVolumes": {"VolumeIds", "Filters.*", "MaxResults", "NextToken"},
			"DeleteVolume":    {"VolumeId"},
			"RunInstances":    {"ClientToken", "ImageId", "MinCount", "MaxCount", "BlockDeviceMappings.Ebs.VolumeSize", "Placement.AvailabilityZone", "Placement.Tenancy=default", "EbsOptimized=false"},
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(g.Handler())
	t.Cleanup(server.Close)
	return server, f
}

func client(server *httptest.Server, key, secret string) *ec2.Client {
	return ec2.New(ec2.Options{Region: "hive-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(), RetryMaxAttempts: 1,
		Credentials: static(key, secret)})
}

// refusal is status, code and message of an SDK error.
func refusal(t *testing.T, err error) (int, string, string) {
	t.Helper()
	var api smithy.APIError
	var response *http.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("not an API error: %v", err)
	}
	return response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage()
}

func TestSDKClient_RoundTrip(t *testing.T) {
	t.Parallel()
	c, f := serve(t)
	out, err := c.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.volumes, out.Volumes, cmpopts.IgnoreUnexported(types.Volume{}, types.Tag{})); diff != "" {
		t.Error(diff)
	}
	if id, ok := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata); !ok || len(id) != 36 {
		t.Errorf("request id %q", id)
	}
	pages := ec2.NewDescribeVolumesPaginator(c, &ec2.DescribeVolumesInput{MaxResults: aws.Int32(5)})
	var sizes []int32
	for n := 0; pages.HasMorePages(); n++ {
		p, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Volumes {
			sizes = append(sizes, *v.Size)
		}
	}
	if diff := cmp.Diff([]int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, sizes); diff != "" {
		t.Error(diff)
	}
	filtered := func(name string, values ...string) []types.Filter {
		return []types.Filter{{Name: &name, Values: values}}
	}
	for want, filters := range map[int][]types.Filter{1: filtered("tag:n", "v3"), 2: filtered("size", "1", "2"), 12: filtered("tag-key", "?"), 0: filtered("tag:n", "V*")} {
		out, err := c.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{Filters: filters})
		if err != nil || len(out.Volumes) != want || out.Volumes == nil {
			t.Errorf("%v: got %v, %v", filters, out, err)
		}
	}
}

func TestSDKClient_Refusals(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	volume := aws.String("vol-00000000000000000")
	describe := func(in ec2.DescribeVolumesInput) error {
		_, err := c.DescribeVolumes(t.Context(), &in)
		return err
	}
	remove := func(in ec2.DeleteVolumeInput) error {
		_, err := c.DeleteVolume(t.Context(), &in)
		return err
	}
	launch := func(in ec2.RunInstancesInput) error {
		in.MinCount, in.MaxCount, in.DryRun = aws.Int32(1), aws.Int32(1), aws.Bool(true)
		_, err := c.RunInstances(t.Context(), &in)
		return err
	}
	_, vpcs := c.DescribeVpcs(t.Context(), nil)
	cases := []struct {
		name    string
		err     error
		status  int
		code    string
		message string
	}{
		{"dry run of a change", remove(ec2.DeleteVolumeInput{VolumeId: volume, DryRun: aws.Bool(true)}), 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
		{"dry run of a read", describe(ec2.DescribeVolumesInput{DryRun: aws.Bool(true)}), 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
		{"action without a method", vpcs, 400, "InvalidAction", "The action DescribeVpcs is not valid for this web service."},
		{"malformed id", describe(ec2.DescribeVolumesInput{VolumeIds: []string{"vol-x"}}), 400, "InvalidVolumeID.Malformed", `Invalid id: "vol-x" (expecting "vol-...")`},
		{"unknown filter", describe(ec2.DescribeVolumesInput{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}}), 400, "InvalidParameterValue", "The filter 'colour' is invalid"},
		{"small page", describe(ec2.DescribeVolumesInput{MaxResults: aws.Int32(1)}), 400, "InvalidParameterValue", "Value ( 1 ) for parameter maxResults is invalid. Expecting a value greater than 5."},
		{"ids and a page", describe(ec2.DescribeVolumesInput{MaxResults: aws.Int32(5), VolumeIds: []string{*volume}}), 400, "InvalidParameterCombination", "The parameter volumesSet cannot be used with the parameter maxResults"},
		{"bad token", describe(ec2.DescribeVolumesInput{NextToken: aws.String("x")}), 400, "InvalidParameterValue", "Value ( x ) for parameter NextToken is invalid. The token is invalid."},
		{"undeclared member", launch(ec2.RunInstancesInput{KernelId: aws.String("aki-1")}), 400, "UnsupportedOperation", "The parameter KernelId is not supported by Hive"},
		{"undeclared member in a list", launch(ec2.RunInstancesInput{BlockDeviceMappings: []types.BlockDeviceMapping{{VirtualName: aws.String("ephemeral0")}}}), 400, "UnsupportedOperation", "The parameter BlockDeviceMapping.1.VirtualName is not supported by Hive"},
		{"default of an undeclared member", launch(ec2.RunInstancesInput{EbsOptimized: aws.Bool(false), Placement: &types.Placement{Tenancy: types.TenancyDefault}}), 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
		{"empty text is absent", launch(ec2.RunInstancesInput{KernelId: aws.String(""), Placement: &types.Placement{AvailabilityZone: aws.String("")}}), 412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
		{"other value", launch(ec2.RunInstancesInput{EbsOptimized: aws.Bool(true)}), 400, "UnsupportedOperation", "The value 'true' of the parameter EbsOptimized is not supported by Hive; only 'false' is"},
	}
	for _, x := range cases {
		status, code, message := refusal(t, x.err)
		if status != x.status || code != x.code || message != x.message {
			t.Errorf("%s: got %d %s %q, want %d %s %q", x.name, status, code, message, x.status, x.code, x.message)
		}
	}
	if _, err := c.DeleteVolume(t.Context(), &ec2.DeleteVolumeInput{VolumeId: volume}); err != nil {
		t.Errorf("without a dry run: %v", err)
	}
	_, err := c.RunInstances(t.Context(), &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	if status, code, _ := refusal(t, err); status != 500 || code != "InternalError" {
		t.Errorf("a panic: got %d %s", status, code)
	}
}

func TestSDKClient_Credentials(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	base := c.Options()
	for name, edit := range map[string]func(*ec2.Options){
		"wrong secret": func(o *ec2.Options) { o.Credentials = static("AKIAOWNER", "wrong") },
		"unknown key":  func(o *ec2.Options) { o.Credentials = static("AKIANOBODY", secret) },
		"other region": func(o *ec2.Options) { o.Region = "hive-2" },
	} {
		_, err := ec2.New(base, edit).DescribeVolumes(t.Context(), nil)
		if status, code, message := refusal(t, err); status != 401 || code != "AuthFailure" {
			t.Errorf("%s: got %d %s %q", name, status, code, message)
		}
	}
}

func static(key, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
	})
}
