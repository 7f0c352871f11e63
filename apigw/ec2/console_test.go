// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"bytes"
	"encoding/base64"
	"image/jpeg"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

func TestGetConsoleOutputAnswersTheTail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	get := func() *sdk.GetConsoleOutputOutput {
		t.Helper()
		out, err := w.svc.GetConsoleOutput(w.as(t, alice, "GetConsoleOutput"), &sdk.GetConsoleOutputInput{InstanceId: &id, Latest: ptr(true)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := get(); out.Output != nil || out.Timestamp != nil {
		t.Errorf("a silent guest shows %q", *out.Output)
	}
	w.console.output = append(bytes.Repeat([]byte("x"), consoleTail), []byte("login: ")...)
	out := get()
	text, err := base64.StdEncoding.DecodeString(*out.Output)
	if err != nil || len(text) != consoleTail || !bytes.HasSuffix(text, []byte("login: ")) || out.Timestamp.Year() != 2026 {
		t.Errorf("got %d bytes at %v, %v", len(text), out.Timestamp, err)
	}
	if want := w.row(t, id).NodeID + "/" + id; w.console.asked[0] != want {
		t.Errorf("asked %s, want %s", w.console.asked[0], want)
	}
	w.stop(t, alice, id)
	if out := get(); out.Output == nil {
		t.Error("the output of a stopped instance is lost")
	}
}

func TestGetConsoleOutputLatestNeedsANitroType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.InstanceType = "t2.micro" })[0]
	_, err := w.svc.GetConsoleOutput(w.as(t, alice, "x"), &sdk.GetConsoleOutputInput{InstanceId: &id, Latest: ptr(true)})
	wantError(t, err, "UnsupportedOperation", "")
	if _, err := w.svc.GetConsoleOutput(w.as(t, alice, "x"), &sdk.GetConsoleOutputInput{InstanceId: &id}); err != nil {
		t.Error(err)
	}
}

func TestGetConsoleScreenshotIsJPG(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	out, err := w.svc.GetConsoleScreenshot(w.as(t, alice, "x"), &sdk.GetConsoleScreenshotInput{InstanceId: &id})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(*out.ImageData)
	if err != nil {
		t.Fatal(err)
	}
	if picture, err := jpeg.DecodeConfig(bytes.NewReader(raw)); err != nil || picture.Width != 72 {
		t.Errorf("got %+v, %v", picture, err)
	}
	w.stop(t, alice, id)
	_, err = w.svc.GetConsoleScreenshot(w.as(t, alice, "x"), &sdk.GetConsoleScreenshotInput{InstanceId: &id})
	wantError(t, err, "IncorrectInstanceState", "")
}

func TestGetInstanceUefiDataOfAnImageIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.svc.GetInstanceUefiData(w.as(t, alice, "x"), &sdk.GetInstanceUefiDataInput{InstanceId: &w.image})
	wantError(t, err, "InvalidInstanceID.NotFound", "The instance ID '"+w.image+"' does not exist")
	id := w.run(t, alice, 1)[0]
	_, err = w.svc.GetInstanceUefiData(w.as(t, alice, "x"), &sdk.GetInstanceUefiDataInput{InstanceId: &id})
	wantError(t, err, "UnsupportedOperation", "")
}
