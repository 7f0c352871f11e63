// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Name is the name of the key pair, the key file and the guest's Name tag.
const Name = "hive-quickstart"

// Config says what to launch and where.
type Config struct {
	Endpoint        string // https://host:port of the region's API
	CABundle        string // PEM file
	Region          string
	AccessKeyID     string
	SecretAccessKey string

	ImageID      string
	InstanceType string
	User         string // login of the image
	KeyDir       string // directory of the private key file
	// Address says where the guest's port 22 can be reached, once it can.
	Address func(ctx context.Context, instance string) (hostPort string, err error)
	// Progress is told every step; nil is silent.
	Progress func(step string)
}

// Guest is a guest one can log in to.
type Guest struct {
	InstanceID string `json:"instanceId"`
	KeyFile    string `json:"keyFile"`
	Address    string `json:"address"` // host:port of SSH
	User       string `json:"user"`
}

// poll is how often a state is asked for while waiting.
const poll = 500 * time.Millisecond

// Run makes the guest, or finds the one of an earlier run, and waits until its
// SSH server accepts the key. It ends with the context.
func Run(ctx context.Context, cfg Config) (Guest, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return Guest{}, err
	}
	guest := Guest{KeyFile: filepath.Join(cfg.KeyDir, Name+".pem"), User: cfg.User}
	fresh, err := r.ensureKey(ctx, guest.KeyFile)
	if err != nil {
		return Guest{}, err
	}
	if guest.InstanceID, err = r.ensureInstance(ctx, fresh); err != nil {
		return Guest{}, err
	}
	if err := r.waitRunning(ctx, guest.InstanceID); err != nil {
		return Guest{}, err
	}
	if guest.Address, err = r.waitSSH(ctx, guest); err != nil {
		return Guest{}, err
	}
	return guest, nil
}

type runner struct {
	cfg Config
	api *query
}

func newRunner(cfg Config) (*runner, error) {
	pem, err := os.ReadFile(cfg.CABundle)
	if err != nil {
		return nil, fmt.Errorf("read CA bundle: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA bundle %s holds no certificate", cfg.CABundle)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	return &runner{cfg: cfg, api: &query{
		endpoint: cfg.Endpoint, region: cfg.Region,
		keys: aws.Credentials{AccessKeyID: cfg.AccessKeyID, SecretAccessKey: cfg.SecretAccessKey},
		http: &http.Client{Transport: transport, Timeout: time.Minute},
	}}, nil
}

// ensureKey makes sure that the region's key pair and the local file belong
// together; when either is missing both are made anew. EC2 shows a private key
// once, so a lost file cannot be had again.
func (r *runner) ensureKey(ctx context.Context, file string) (fresh bool, err error) {
	_, statErr := os.Stat(file)
	var found struct {
		Names []string `xml:"keySet>item>keyName"`
	}
	if err := r.api.call(ctx, "DescribeKeyPairs", url.Values{"Filter.1.Name": {"key-name"}, "Filter.1.Value.1": {Name}}, &found); err != nil {
		return false, err
	}
	exists := slices.Contains(found.Names, Name)
	if exists && statErr == nil {
		return false, nil
	}
	r.cfg.Progress("creating key pair " + Name)
	if exists {
		if err := r.api.call(ctx, "DeleteKeyPair", url.Values{"KeyName": {Name}}, &struct{}{}); err != nil {
			return false, err
		}
	}
	var made struct {
		Material string `xml:"keyMaterial"`
	}
	if err := r.api.call(ctx, "CreateKeyPair", url.Values{"KeyName": {Name}, "KeyType": {"ed25519"}, "KeyFormat": {"pem"}}, &made); err != nil {
		return false, err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("replace key file: %w", err)
	}
	// EC2's material may end without a newline, and OpenSSH does not read such a file.
	text := strings.TrimRight(made.Material, "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return false, fmt.Errorf("write key file: %w", err)
	}
	return true, nil
}

// instanceRow is what is read of a described instance.
type instanceRow struct {
	ID     string `xml:"instanceId"`
	Image  string `xml:"imageId"`
	State  string `xml:"instanceState>name"`
	Reason string `xml:"stateReason>message"`
}

func (r *runner) describe(ctx context.Context, params url.Values) ([]instanceRow, error) {
	var found struct {
		Rows []instanceRow `xml:"reservationSet>item>instancesSet>item"`
	}
	if err := r.api.call(ctx, "DescribeInstances", params, &found); err != nil {
		return nil, err
	}
	return found.Rows, nil
}

// ensureInstance returns the guest of an earlier run, started again when it was
// stopped, or launches one. A guest that trusts a lost key is of no use and is
// terminated.
func (r *runner) ensureInstance(ctx context.Context, freshKey bool) (string, error) {
	rows, err := r.describe(ctx, url.Values{
		"Filter.1.Name": {"tag:Name"}, "Filter.1.Value.1": {Name},
		"Filter.2.Name": {"instance-state-name"}, "Filter.2.Value.1": {"pending"}, "Filter.2.Value.2": {"running"},
		"Filter.2.Value.3": {"stopping"}, "Filter.2.Value.4": {"stopped"},
	})
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if freshKey {
			r.cfg.Progress("terminating " + row.ID + ", whose key is lost")
			if err := r.api.call(ctx, "TerminateInstances", url.Values{"InstanceId.1": {row.ID}}, &struct{}{}); err != nil {
				return "", err
			}
			continue
		}
		return row.ID, r.startIfStopped(ctx, row)
	}
	r.cfg.Progress("launching a " + r.cfg.InstanceType + " from " + r.cfg.ImageID)
	var launched struct {
		IDs []string `xml:"instancesSet>item>instanceId"`
	}
	err = r.api.call(ctx, "RunInstances", url.Values{
		"ImageId": {r.cfg.ImageID}, "InstanceType": {r.cfg.InstanceType}, "MinCount": {"1"}, "MaxCount": {"1"}, "KeyName": {Name},
		"TagSpecification.1.ResourceType": {"instance"}, "TagSpecification.1.Tag.1.Key": {"Name"}, "TagSpecification.1.Tag.1.Value": {Name},
	}, &launched)
	if err != nil {
		return "", err
	}
	if len(launched.IDs) != 1 {
		return "", fmt.Errorf("launch answered %d instances, want one", len(launched.IDs))
	}
	return launched.IDs[0], nil
}

// startIfStopped starts a guest that is stopped, or will be.
func (r *runner) startIfStopped(ctx context.Context, row instanceRow) error {
	if row.State == "pending" || row.State == "running" {
		r.cfg.Progress("using " + row.ID + ", which is " + row.State)
		return nil
	}
	r.cfg.Progress("starting " + row.ID)
	for {
		err := r.api.call(ctx, "StartInstances", url.Values{"InstanceId.1": {row.ID}}, &struct{}{})
		if e, ok := errors.AsType[*apiError](err); !ok || e.Code != "IncorrectInstanceState" {
			return err
		}
		// It is still stopping.
		if err := sleep(ctx, poll); err != nil {
			return fmt.Errorf("wait for %s to stop: %w", row.ID, err)
		}
	}
}

func (r *runner) waitRunning(ctx context.Context, id string) error {
	r.cfg.Progress("waiting for " + id + " to run")
	for {
		rows, err := r.describe(ctx, url.Values{"InstanceId.1": {id}})
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return fmt.Errorf("describe of %s answered %d instances, want one", id, len(rows))
		}
		switch row := rows[0]; row.State {
		case "running":
			return nil
		case "terminated", "shutting-down":
			return fmt.Errorf("instance %s did not start: %s", id, row.Reason)
		}
		if err := sleep(ctx, poll); err != nil {
			return fmt.Errorf("wait for %s to run: %w", id, err)
		}
	}
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
