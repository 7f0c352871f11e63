// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image/jpeg"
	"image/png"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/state"
)

// consoleTail is how much of the serial log GetConsoleOutput answers, in bytes: AWS's 64 KiB.
const consoleTail = 64 << 10

// GetConsoleOutput answers the tail of the guest's serial log. Latest asks for what AWS gives of Nitro types only; the
// output is always the newest here, so that is all that Latest changes.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
func (s *Service) GetConsoleOutput(ctx context.Context, in *sdk.GetConsoleOutputInput) (*sdk.GetConsoleOutputOutput, error) {
	_, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	if t, _ := instancetypes.Lookup(i.Type); valueOf(in.Latest) && t.Hypervisor != "nitro" {
		return nil, awserr.UnsupportedOperation("This instance type does not support retrieving the latest console logs. Only instances built on the Nitro System support it.")
	}
	out := &sdk.GetConsoleOutputOutput{InstanceId: aws.String(i.ID)}
	if i.NodeID == "" {
		return out, nil
	}
	text, changed, err := s.console.Output(ctx, i.NodeID, i.ID)
	if err != nil {
		return nil, fmt.Errorf("read console of instance %s: %w", i.ID, err)
	}
	if len(text) == 0 {
		return out, nil
	}
	text = text[max(0, len(text)-consoleTail):]
	out.Output, out.Timestamp = aws.String(base64.StdEncoding.EncodeToString(text)), optionalTime(changed)
	return out, nil
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// GetConsoleScreenshot answers the guest's screen as JPG.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleScreenshot.html
func (s *Service) GetConsoleScreenshot(ctx context.Context, in *sdk.GetConsoleScreenshotInput) (*sdk.GetConsoleScreenshotOutput, error) {
	_, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	if i.State != state.Running {
		return nil, awserr.IncorrectInstanceState("The instance '%s' is not in the 'running' state.", i.ID)
	}
	shot, err := s.console.Screenshot(ctx, i.NodeID, i.ID)
	if err != nil {
		return nil, fmt.Errorf("take screenshot of instance %s: %w", i.ID, err)
	}
	jpg, err := toJPG(shot)
	if err != nil {
		return nil, fmt.Errorf("convert screenshot of instance %s: %w", i.ID, err)
	}
	return &sdk.GetConsoleScreenshotOutput{InstanceId: aws.String(i.ID), ImageData: aws.String(base64.StdEncoding.EncodeToString(jpg))}, nil
}

// toJPG re-encodes the PNG that hypervisors make into what AWS answers.
func toJPG(shot []byte) ([]byte, error) {
	image, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image, &jpeg.Options{Quality: 90}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// GetInstanceUefiData is refused for every instance: variable stores stay with their guests. Ids are checked first,
// because clients send image ids here and rely on NotFound (Terraform's data source of images does).
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetInstanceUefiData.html
func (s *Service) GetInstanceUefiData(ctx context.Context, in *sdk.GetInstanceUefiDataInput) (*sdk.GetInstanceUefiDataOutput, error) {
	call := apigw.CallFrom(ctx)
	id := valueOf(in.InstanceId)
	if id == "" {
		return nil, awserr.MissingParameter("InstanceId")
	}
	if !strings.HasPrefix(id, ids.Image.Prefix) {
		if err := ids.Instance.Check(id); err != nil {
			return nil, err
		}
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	i, ok := state.Instances.Get(v, call.Account, id)
	if !ok {
		return nil, ids.Instance.Missing(id)
	}
	if err := call.Authorize(resource(call, v, "instance", i.ID)); err != nil {
		return nil, err
	}
	if i.BootMode != "uefi" {
		return nil, awserr.UnsupportedOperation("The instance '%s' does not boot in UEFI mode and has no UEFI data.", i.ID)
	}
	return nil, awserr.UnsupportedOperation("The UEFI data of the instance '%s' cannot be read in this region.", i.ID)
}
